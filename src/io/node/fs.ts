/**
 * `#fs` in Node.
 */
export { writeFileAtomic } from './atomic-file.js';
export { writeFolderAtomic } from './atomic-folder.js';
export { copyFile } from './durable.js';
export { pathInside } from './inside.js';
export { openLanes } from './lanes.js';
export { listFolder, openFile, readNow, readText, statFile } from './read.js';

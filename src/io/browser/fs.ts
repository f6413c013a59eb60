/**
 * `#fs` in browsers: every function says what to do instead, or that there is none.
 */
import { E } from '../../fp.js';
import { fail, type Result } from '../../problem.js';
import type { FileSystem } from '../file-system.js';

const noFiles = (path: string): Result<never> =>
  fail(path, 'a file system', 'a browser', 'paths need Node; give the bytes, or the File that a person chose, instead');

const needsNode = async (path: string): Promise<Result<never>> => noFiles(path);

export const openFile: FileSystem['openFile'] = needsNode;
export const readNow: FileSystem['readNow'] = noFiles;
export const readText: FileSystem['readText'] = needsNode;
export const listFolder: FileSystem['listFolder'] = needsNode;
export const statFile: FileSystem['statFile'] = needsNode;
export const pathInside: FileSystem['pathInside'] = needsNode;
export const writeFileAtomic: FileSystem['writeFileAtomic'] = needsNode;
export const writeFolderAtomic: FileSystem['writeFolderAtomic'] = needsNode;
export const copyFile: FileSystem['copyFile'] = needsNode;
export const openLanes: FileSystem['openLanes'] = async () => E.right(undefined);

/**
 * Replacing a file as one step.
 */
import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { E } from '../../fp.js';
import type { FileSystem } from '../file-system.js';
import { attempt } from './attempt.js';
import { syncFolder, temporaryBeside } from './durable.js';
import { createWith } from './file-writer.js';

/** See `FileSystem.writeFileAtomic`. */
export const writeFileAtomic: FileSystem['writeFileAtomic'] = async (path, content) => {
  const temporary = temporaryBeside(path);
  const written = await createWith(temporary, content, true);
  const result = E.isLeft(written)
    ? written
    : await attempt(path, 'a file that can be replaced', async () => {
        await rename(temporary, path);
        await syncFolder(dirname(path));
      });
  // After a rename there is nothing left to remove.
  if (E.isLeft(result)) await rm(temporary, { force: true });
  return result;
};

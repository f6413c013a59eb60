/**
 * Looking at the place for the output before any work is done.
 */
import { listFolder, statFile } from '#fs';
import { E } from '../fp.js';
import { fail, type Result } from '../problem.js';

/** A path where a new folder can be made: nothing there, or an empty folder. Writing checks again. */
export const freeFolder = async (path: string): Promise<Result<void>> => {
  const found = await statFile(path);
  if (E.isLeft(found)) return found;
  if (found.right.kind === 'missing') return E.right(undefined);
  if (found.right.kind !== 'folder')
    return fail(path, 'a new or an empty folder', `a ${found.right.kind}`, 'choose another name');
  const names = await listFolder(path);
  if (E.isLeft(names)) return names;
  return names.right.length === 0
    ? E.right(undefined)
    : fail(
        path,
        'a new or an empty folder',
        `${names.right.length} files in it`,
        'choose a new name, or remove the folder first',
      );
};

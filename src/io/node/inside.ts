/**
 * Confining untrusted file names to a folder.
 */
import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { E } from '../../fp.js';
import { fail } from '../../problem.js';
import type { FileSystem } from '../file-system.js';
import { plainName } from '../plain-name.js';
import { attempt } from './attempt.js';

/** The blobs folder of a Hugging Face cache for a folder at or below `<repository>/snapshots/<revision>`. */
const blobsOf = (folder: string): string | undefined => {
  for (let at = folder; dirname(at) !== at; at = dirname(at)) {
    if (basename(dirname(at)) === 'snapshots') return join(dirname(dirname(at)), 'blobs');
  }
  return undefined;
};

/** See `FileSystem.pathInside`. */
export const pathInside: FileSystem['pathInside'] = async (folder, name) => {
  const plain = plainName(name, folder);
  if (E.isLeft(plain)) return plain;
  const path = join(folder, name);
  const resolved = await attempt(path, 'a path that can be looked up', async () => {
    const link = await lstat(path).then(
      (stats) => stats.isSymbolicLink(),
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return false;
        throw error;
      },
    );
    return link ? { target: await realpath(path), folder: await realpath(folder) } : undefined;
  });
  if (E.isLeft(resolved)) return resolved;
  if (resolved.right === undefined) return E.right(path);
  const { target, folder: realFolder } = resolved.right;
  const blobs = blobsOf(realFolder);
  const inside = target.startsWith(realFolder.endsWith(sep) ? realFolder : realFolder + sep);
  return inside || (blobs !== undefined && dirname(target) === blobs)
    ? E.right(path)
    : fail(path, 'a file inside of its folder', `a link to ${target}`, 'copy the file into the folder if you trust it');
};

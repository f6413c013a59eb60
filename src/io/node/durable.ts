/**
 * Making copies and renames survive a crash.
 */
import { constants, copyFile as copy, open } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import type { Result } from '../../problem.js';
import type { FileSystem } from '../file-system.js';
import { attempt } from './attempt.js';

/** A name beside a path that nothing else uses; hidden, so that no one takes it for a result. */
export const temporaryBeside = (path: string): string => join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);

const sync = async (path: string, flags: string): Promise<void> => {
  const handle = await open(path, flags);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** Makes a file's bytes durable. Windows wants a writable handle for that, others are content with any. */
export const syncFile = (path: string): Promise<void> => sync(path, process.platform === 'win32' ? 'r+' : 'r');

/** Makes the names in a folder durable, where the system can; Windows and some network file systems cannot. */
export const syncFolder = async (path: string): Promise<void> => {
  if (process.platform === 'win32') return;
  await sync(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EINVAL' && error.code !== 'ENOTSUP') throw error;
  });
};

/** Copies a file, durably or as fast as the system can. */
export const copyTo = (from: string, to: string, durable: boolean): Promise<Result<void>> =>
  attempt(from, 'a file that can be copied', async () => {
    await copy(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    if (durable) await syncFile(to);
  });

/** See `FileSystem.copyFile`. */
export const copyFile: FileSystem['copyFile'] = (from, to) => copyTo(from, to, true);

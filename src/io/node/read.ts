/**
 * Reading files and folders in Node.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { open, readdir, readFile, stat, type FileHandle } from 'node:fs/promises';
import { E } from '../../fp.js';
import { fail, type Result } from '../../problem.js';
import { allocate } from '../allocate.js';
import type { FileSystem } from '../file-system.js';
import { checkedRange } from '../byte-source.js';
import { attempt, attemptNow } from './attempt.js';
import { becameShorter, fillNow } from './positioned.js';

/** One system call reads at most this much; Linux and Node stop below 2 GiB. */
const MAX_READ = 1 << 30;

/** Text files above this are refused before they are read. */
const MAX_TEXT_BYTES = 100_000_000;

/** Fills `into` from a position of the file; short when the file ends before. */
const readFully = async (handle: FileHandle, into: Uint8Array, position: number): Promise<number> => {
  let done = 0;
  while (done < into.length) {
    const length = Math.min(MAX_READ, into.length - done);
    const { bytesRead } = await handle.read(into, done, length, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
};

/** See `FileSystem.openFile`. Opening never waits for a pipe, and only regular files are accepted. */
export const openFile: FileSystem['openFile'] = async (path) => {
  // O_NONBLOCK is missing on Windows, where a path is no pipe.
  const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
  const opened = await attempt(path, 'a readable file', async () => {
    const handle = await open(path, flags);
    try {
      return { handle, stats: await handle.stat() };
    } catch (error) {
      await handle.close();
      throw error;
    }
  });
  if (E.isLeft(opened)) return opened;
  const { handle, stats } = opened.right;
  if (!stats.isFile()) {
    await handle.close();
    return fail(path, 'a file', stats.isDirectory() ? 'a folder' : 'something else');
  }
  const self = { name: path, size: stats.size };
  let closed: Promise<void> | undefined;
  return E.right({
    ...self,
    descriptor: handle.fd,
    read: async (offset: number, length: number, into?: Uint8Array): Promise<Result<Uint8Array>> => {
      const range = checkedRange(self, offset, length, into);
      if (E.isLeft(range)) return range;
      const target = into === undefined ? allocate(length, path) : E.right(into);
      if (E.isLeft(target)) return target;
      const done = await attempt(path, 'a readable file', () => readFully(handle, target.right, offset));
      if (E.isLeft(done)) return done;
      return done.right === length ? target : becameShorter(path, offset, length, done.right);
    },
    close: () => (closed ??= handle.close()),
  });
};

/** See `FileSystem.statFile`. */
export const statFile: FileSystem['statFile'] = (path) =>
  attempt(path, 'a path that can be looked up', async () => {
    const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw error;
    });
    if (stats === undefined) return { kind: 'missing', size: 0 };
    if (stats.isFile()) return { kind: 'file', size: stats.size };
    return { kind: stats.isDirectory() ? 'folder' : 'other', size: 0 };
  });

/** See `FileSystem.readText`. */
export const readText: FileSystem['readText'] = async (path, limit = MAX_TEXT_BYTES) => {
  const found = await statFile(path);
  if (E.isLeft(found)) return found;
  const { kind, size } = found.right;
  if (kind !== 'file')
    return fail(path, 'a file', kind === 'missing' ? 'nothing there' : `a ${kind}`, 'check the path');
  if (size > limit) return fail(path, `a text of at most ${limit} bytes`, `${size}`);
  const bytes = await attempt(path, 'a readable file', () => readFile(path));
  if (E.isLeft(bytes)) return bytes;
  try {
    return E.right(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.right));
  } catch {
    return fail(path, 'text in UTF-8', 'bytes that are not UTF-8');
  }
};

/** See `FileSystem.listFolder`. */
export const listFolder: FileSystem['listFolder'] = (path) =>
  attempt(path, 'a readable folder', async () => (await readdir(path)).toSorted());

/** See `FileSystem.readNow`. */
export const readNow: FileSystem['readNow'] = (path, position, into) => {
  const opened = attemptNow(path, 'a readable file', () => openSync(path, constants.O_RDONLY));
  if (E.isLeft(opened)) return opened;
  const read = fillNow({ path, descriptor: opened.right, position }, into);
  closeSync(opened.right);
  return E.map(() => into)(read);
};

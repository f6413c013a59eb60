/**
 * Sequential writing of a new file in chunks of 1 MiB at explicit positions.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { E } from '../../fp.js';
import type { Result } from '../../problem.js';
import type { FileWriter } from '../file-system.js';
import { attempt } from './attempt.js';

/** Chunks of this size were the fastest: larger ones leave the cache. */
const CHUNK = 1 << 20;

const writeFully = async (handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> => {
  for (let done = 0; done < bytes.length;) {
    const length = Math.min(CHUNK, bytes.length - done);
    done += (await handle.write(bytes, done, length, position + done)).bytesWritten;
  }
};

/**
 * Makes a file that must not exist yet. A failed write fails every later call, so that `close` tells of it at the latest.
 *
 * @param durable whether `close` waits for the disk
 */
export const createFile = async (path: string, durable: boolean): Promise<Result<FileWriter>> => {
  const opened = await attempt(path, 'a file that can be made', () => open(path, 'wx'));
  if (E.isLeft(opened)) return opened;
  const handle = opened.right;
  const buffer = new Uint8Array(CHUNK);
  let buffered = 0;
  let position = 0;
  let failed: Result<never> | undefined;
  let closed: Promise<Result<number>> | undefined;

  const flush = async (): Promise<void> => {
    await writeFully(handle, buffer.subarray(0, buffered), position);
    position += buffered;
    buffered = 0;
  };
  const append = async (bytes: Uint8Array): Promise<void> => {
    if (buffered + bytes.length > CHUNK) await flush();
    if (bytes.length < CHUNK) {
      buffer.set(bytes, buffered);
      buffered += bytes.length;
    } else {
      await writeFully(handle, bytes, position);
      position += bytes.length;
    }
  };
  const guarded = async <A>(action: () => Promise<A>): Promise<Result<A>> => {
    if (failed !== undefined) return failed;
    const result = await attempt(path, 'a file that can be written', action);
    if (E.isLeft(result)) failed = result;
    return result;
  };
  const finish = async (): Promise<Result<number>> => {
    const written = await guarded(async () => {
      await flush();
      if (durable) await handle.sync();
      return position;
    });
    const freed = await attempt(path, 'a file that can be closed', () => handle.close());
    return E.isLeft(written) || E.isRight(freed) ? written : freed;
  };

  return E.right({ path, write: (bytes) => guarded(() => append(bytes)), close: () => (closed ??= finish()) });
};

/** Makes a file with this content, and makes it durable where that is wanted. */
export const createWith = async (
  path: string,
  content: Uint8Array | string,
  durable: boolean,
): Promise<Result<void>> => {
  const file = await createFile(path, durable);
  if (E.isLeft(file)) return file;
  const written = await file.right.write(typeof content === 'string' ? new TextEncoder().encode(content) : content);
  const closed = await file.right.close();
  return E.isLeft(written) ? written : E.map(() => undefined)(closed);
};

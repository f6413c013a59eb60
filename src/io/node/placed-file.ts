/**
 * A new file that is written at positions, by several threads.
 */
import { open } from 'node:fs/promises';
import { E } from '../../fp.js';
import type { Result } from '../../problem.js';
import type { PlacedFile } from '../file-system.js';
import { attempt } from './attempt.js';

/**
 * Makes a file that must not exist yet.
 *
 * @param durable whether `flush` and `close` wait for the disk
 */
export const placeFile = async (path: string, durable: boolean): Promise<Result<PlacedFile>> => {
  const opened = await attempt(path, 'a file that can be made', () => open(path, 'wx'));
  if (E.isLeft(opened)) return opened;
  const handle = opened.right;
  let closed: Promise<Result<void>> | undefined;
  const finish = async (): Promise<Result<void>> => {
    const synced = await attempt(path, 'a file that can be written', async () => {
      if (durable) await handle.sync();
    });
    const freed = await attempt(path, 'a file that can be closed', () => handle.close());
    return E.isLeft(synced) ? synced : freed;
  };
  return E.right({
    path,
    descriptor: handle.fd,
    write: (bytes, position) =>
      attempt(path, 'a file that can be written', async () => {
        for (let done = 0; done < bytes.length;)
          done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
      }),
    flush: async () =>
      durable ? attempt(path, 'a file that can be written', () => handle.datasync()) : E.right(undefined),
    close: () => (closed ??= finish()),
  });
};

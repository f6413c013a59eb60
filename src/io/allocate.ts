/**
 * Memory for sizes that come from files.
 */
import { E } from '../fp.js';
import { fail, type Result } from '../problem.js';

/** A zeroed buffer of `bytes` bytes, or a problem where the machine has no room for it; a sparse file can claim any size. */
export const allocate = (bytes: number, at: string): Result<Uint8Array> => {
  try {
    return E.right(new Uint8Array(bytes));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return fail(at, 'a size that fits memory', `${bytes} bytes`, 'read it in ranges instead');
  }
};

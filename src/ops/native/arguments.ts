/**
 * What native code is given: it checks nothing, so sizes and lengths are checked before each call.
 */
import { fail, type Result } from '../../problem.js';

/** Throws where an array is not as long as native code takes it to be: that would read and write on behind it. */
export const requireLength = (what: string, x: ArrayLike<unknown>, length: number): void => {
  if (!Number.isSafeInteger(length) || x.length < length)
    throw new RangeError(`${what} for native code: at least ${length} entries, found ${x.length}`);
};

/** The largest size that LAPACK's integers hold. */
const LARGEST_INT = 2 ** 31 - 1;

/** A size as Fortran reads it; -1 asks for a workspace. */
export const int = (x: number): Int32Array => {
  if (!(Number.isInteger(x) && x >= -1 && x <= LARGEST_INT)) throw new RangeError(`${x} is no size for native code`);
  return Int32Array.of(x);
};

/** What LAPACK's `info` says of a call that did not succeed. */
export const failed = (what: string, info: number): Result<never> =>
  info > 0
    ? fail(`LAPACK ${what}`, 'a decomposition that converges', `info ${info}`, 'decompose without the native library')
    : fail(
        `LAPACK ${what}`,
        'arguments that it takes',
        `info ${info}`,
        'the library may have another calling convention',
      );

/**
 * Bytes that can be read in any order.
 */
import { E } from '../fp.js';
import { fail, type Result } from '../problem.js';

/** A sequence of `size` bytes. */
export interface ByteSource {
  /** What problems call it: a path or a file's name. */
  readonly name: string;
  readonly size: number;
  /** The number of the open file, where it is one: other threads of this process read by it. */
  readonly descriptor?: number;
  /**
   * The bytes from `offset` to `offset + length`, all of them or a problem.
   *
   * `into`, when given, has `length` bytes, is filled and returned; otherwise the bytes are the caller's own, or, from memory, a
   * view that must not be written to.
   */
  readonly read: (offset: number, length: number, into?: Uint8Array) => Promise<Result<Uint8Array>>;
  /** Frees the file; nothing is read afterwards. */
  readonly close: () => Promise<void>;
}

/** A range inside of a source, checked before anything is allocated; throws where `into` has another length. */
export const checkedRange = (
  source: Pick<ByteSource, 'name' | 'size'>,
  offset: number,
  length: number,
  into?: Uint8Array,
): Result<void> => {
  if (into !== undefined && into.length !== length) throw new RangeError(`${length} bytes do not fill ${into.length}`);
  const inside =
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    offset + length <= source.size;
  return inside
    ? E.right(undefined)
    : fail(
        source.name,
        `a range inside of ${source.size} bytes`,
        `${length} bytes at ${offset}`,
        'the file may be truncated',
      );
};

/**
 * Memory for the factors of the tensors that are merged just now, used again for those after them: what lies in memory for long is not left
 * to be collected, and lies where every thread can read it.
 */

/** Places for numbers. */
export interface Factors {
  /** A place for `n` numbers. */
  readonly take: (n: number) => Float32Array;
  /** Gives a place back, which nothing reads any more. */
  readonly give: (place: Float32Array) => void;
}

/** Memory that is shared where the system has such memory. */
const allocated = (n: number): ArrayBufferLike =>
  typeof SharedArrayBuffer === 'undefined' ? new ArrayBuffer(4 * n) : new SharedArrayBuffer(4 * n);

/** Factors without memory yet. */
export const newFactors = (): Factors => {
  const free: ArrayBufferLike[] = [];
  return {
    take: (n) => {
      const fitting = free.findIndex((buffer) => buffer.byteLength >= 4 * n);
      // where all are too small one of them is replaced, so that there are never more than are taken at a time
      const [found] = free.splice(Math.max(0, fitting), 1);
      return new Float32Array(fitting < 0 || found === undefined ? allocated(n) : found, 0, n);
    },
    give: ({ buffer }) => void free.push(buffer),
  };
};

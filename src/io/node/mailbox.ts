/**
 * A place in shared memory in which factors are handed to a thread: used again and again, where messages would leave a copy of
 * each to be collected.
 */
import type { Unit } from '../merge/unit.js';

/** A unit whose factors lie in the mailbox, as long as nothing else is put there. */
export type Put = (unit: Unit) => Unit;

/** A new mailbox; it grows to the largest unit. */
export const openMailbox = (): Put => {
  let shared = new Float32Array(new SharedArrayBuffer(0));
  return (unit) => {
    const { matrix } = unit;
    if (matrix === undefined) return unit;
    const length = matrix.terms.reduce((n, { A, B }) => n + A.length + B.length, 0);
    if (shared.length < length) shared = new Float32Array(new SharedArrayBuffer(4 * length));
    let at = 0;
    const placed = (values: Float32Array): Float32Array => {
      shared.set(values, at);
      at += values.length;
      return shared.subarray(at - values.length, at);
    };
    return {
      ...unit,
      matrix: { ...matrix, terms: matrix.terms.map((t) => ({ ...t, A: placed(t.A), B: placed(t.B) })) },
    };
  };
};

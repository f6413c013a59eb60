/**
 * A piece of a merge that a thread does alone: bytes from one open file to another, changed on the way or not.
 */
import type { LowRankMerge } from '../../ops/kernels/merge-reference.js';
import type { Result } from '../../problem.js';

/** A position in an open file of this process. */
export interface Place {
  /** What problems call the file. */
  readonly path: string;
  /** The number by which every thread of the process can read and write it. */
  readonly descriptor: number;
  readonly position: number;
}

/** One piece. */
export interface Unit {
  readonly from: Place;
  readonly to: Place;
  readonly byteLength: number;
  /** What the bytes are rows of, B cut to just these rows; bytes without it are copied. */
  readonly matrix?: LowRankMerge;
  /** Bytes that are read, merged and written at a time. */
  readonly tileBytes: number;
}

/** Does a unit: the index of the first element that became infinite or NaN, where the unit was given up; -1 when all is written. */
export type Lane = (unit: Unit) => Promise<Result<number>>;

/** Lanes that work at the same time. */
export interface Lanes {
  /** How many units each of them should be given at once, so that it never waits for the next one. */
  readonly lanes: ReadonlyArray<{ readonly run: Lane; readonly depth: number }>;
  /** Ends their threads. */
  readonly close: () => Promise<void>;
}

/** Rows of a tile of at most `tileBytes`, at least one; the kernel takes four at a time. */
export const rowsFitting = (tileBytes: number, rowBytes: number): number => {
  const fitting = Math.max(1, Math.floor(tileBytes / rowBytes));
  return fitting < 4 ? fitting : fitting - (fitting % 4);
};

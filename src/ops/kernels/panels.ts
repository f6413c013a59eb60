/**
 * Low-rank factors in the order in which kernels/merge.ts reads them.
 */
import type { LowRankMerge } from './merge-reference.js';

/** Columns of a panel of A; for 16 bit types the even ones come first, since a vector of codes splits by shifts. */
const inOrder = [0, 1, 2, 3, 4, 5, 6, 7];
const evenFirst = [0, 2, 4, 6, 1, 3, 5, 7];

/** Panels of a matrix's factors: how many floats they take. */
export const panelSizes = ({ rows, columns, terms }: LowRankMerge) => {
  const rank = terms.reduce((sum, t) => sum + t.rank, 0);
  return { rank, A: 8 * Math.ceil(columns / 8) * rank, B: 4 * Math.ceil(rows / 4) * rank };
};

/** Fills `out` with A as [column / 8][k][8], where k runs through the terms one after the other; zeros beyond the last column. */
export const packA = ({ dtype, columns, terms }: LowRankMerge, out: Float32Array): void => {
  const order = dtype === 'F32' ? inOrder : evenFirst;
  let at = 0;
  for (let first = 0; first < columns; first += 8)
    for (const { A, rank } of terms)
      for (let k = 0; k < rank; k++)
        for (let c = 0; c < 8; c++, at++) {
          const column = first + (order[c] as number);
          out[at] = column < columns ? (A[k * columns + column] as number) : 0;
        }
};

/** Fills `out` with B as [row / 4][k][4], zeros beyond the last row. */
export const packB = ({ rows, terms }: LowRankMerge, out: Float32Array): void => {
  let at = 0;
  for (let first = 0; first < rows; first += 4)
    for (const { B, rank } of terms)
      for (let k = 0; k < rank; k++)
        for (let i = first; i < first + 4; i++, at++) out[at] = i < rows ? (B[i * rank + k] as number) : 0;
};

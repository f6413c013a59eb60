/**
 * Matrices of float64 numbers that know how large the terms behind each number are, and how often it would have been rounded.
 *
 * Equations over them state their own error bound: an element computed in float32, in any order, differs from the exact one by
 * at most `roundings` half units in the last place of its `sizes`.
 */
import type { Shape } from '../../ops/tensor.js';
import type { Exact, Expected } from './definition.js';

/** A matrix [rows, columns] in row-major order. */
export interface Sized {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float64Array;
  /** Sums of the magnitudes of all terms. */
  readonly sizes: Float64Array;
  readonly roundings: number;
}

/** A number and the size of the terms behind it. */
export type Entry = readonly [value: number, size: number];

/** The number at (i, j). */
export const at = (X: Sized, i: number, j: number): number => X.values[i * X.columns + j] as number;

/** The size at (i, j). */
export const sizeAt = (X: Sized, i: number, j: number): number => X.sizes[i * X.columns + j] as number;

/** The entry at (i, j). */
export const entryAt = (X: Sized, i: number, j: number): Entry => [at(X, i, j), sizeAt(X, i, j)];

/** A matrix by its entries. */
export const entries = (
  rows: number,
  columns: number,
  roundings: number,
  entry: (i: number, j: number) => Entry,
): Sized => {
  const [values, sizes] = [new Float64Array(rows * columns), new Float64Array(rows * columns)];
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) [values[i * columns + j], sizes[i * columns + j]] = entry(i, j);
  return { rows, columns, values, sizes, roundings };
};

/** A matrix of numbers that are exact. */
export const exactly = (rows: number, columns: number, value: (i: number, j: number) => number): Sized =>
  entries(rows, columns, 0, (i, j) => {
    const x = value(i, j);
    return [x, Math.abs(x)];
  });

/** A tensor as a matrix of some rows; by default those of its first axis, so that a vector is one column. */
export const matrixOf = ({ shape, values }: Exact, rows = shape[0] ?? 1): Sized => ({
  rows,
  columns: rows === 0 ? 0 : values.length / rows,
  values,
  sizes: values.map(Math.abs),
  roundings: 0,
});

/** The same numbers in the same order in other rows. */
export const reshaped = (X: Sized, rows: number): Sized => ({
  ...X,
  rows,
  columns: rows === 0 ? 0 : X.values.length / rows,
});

/** An expected tensor of a shape. */
export const expectedOf = ({ values, sizes, roundings }: Sized, shape: Shape): Expected => ({
  shape,
  values,
  magnitude: sizes,
  roundings,
});

/** A sum of entries. */
export const total = (terms: ReadonlyArray<Entry>): Entry =>
  terms.reduce<Entry>(([v, s], [value, size]) => [v + value, s + size], [0, 0]);

/** The product of entries. */
export const times = (...factors: ReadonlyArray<Entry>): Entry =>
  factors.reduce<Entry>(([v, s], [value, size]) => [v * value, s * size], [1, 1]);

/** A B. */
export const product = (A: Sized, B: Sized): Sized =>
  entries(A.rows, B.columns, A.roundings + B.roundings + A.columns, (i, j) => {
    let [value, size] = [0, 0];
    for (let k = 0; k < A.columns; k++) {
      value += at(A, i, k) * at(B, k, j);
      size += sizeAt(A, i, k) * sizeAt(B, k, j);
    }
    return [value, size];
  });

/** A + B. */
export const plus = (A: Sized, B: Sized): Sized =>
  entries(A.rows, A.columns, Math.max(A.roundings, B.roundings) + 1, (i, j) =>
    total([entryAt(A, i, j), entryAt(B, i, j)]),
  );

/** c A. */
export const scaled = (c: number, A: Sized): Sized =>
  entries(A.rows, A.columns, A.roundings + 2, (i, j) => [c * at(A, i, j), Math.abs(c) * sizeAt(A, i, j)]);

/** A B, element by element; a column or a row is repeated along the other axis. */
export const hadamard = (A: Sized, B: Sized): Sized =>
  entries(Math.max(A.rows, B.rows), Math.max(A.columns, B.columns), A.roundings + B.roundings + 1, (i, j) =>
    times(
      entryAt(A, A.rows === 1 ? 0 : i, A.columns === 1 ? 0 : j),
      entryAt(B, B.rows === 1 ? 0 : i, B.columns === 1 ? 0 : j),
    ),
  );

/** The transpose. */
export const turn = (A: Sized): Sized => entries(A.columns, A.rows, A.roundings, (i, j) => entryAt(A, j, i));

/** The identity [n, n]. */
export const identity = (n: number): Sized => exactly(n, n, (i, j) => (i === j ? 1 : 0));

/** f of every element, for an f whose slope is at most `slope`. */
export const mapped = (A: Sized, f: (x: number) => number, slope: number): Sized =>
  entries(A.rows, A.columns, A.roundings + 4, (i, j) => {
    const y = f(at(A, i, j));
    return [y, Math.abs(y) + slope * sizeAt(A, i, j)];
  });

/** A part of the rows and columns. */
export const slice = (
  A: Sized,
  [row, rows]: readonly [start: number, count: number],
  [column, columns]: readonly [start: number, count: number],
): Sized => entries(rows, columns, A.roundings, (i, j) => entryAt(A, row + i, column + j));

/** Numbers whose squares are below this are lost in float32. */
const lost = 2 ** -100;

/** The length of a column, with its size: errors of an element move it by at most as much, and any where its squares underflow. */
export const lengthOf = (A: Sized, j: number): Entry => {
  let [squares, sizes] = [0, 0];
  for (let i = 0; i < A.rows; i++) {
    squares += at(A, i, j) ** 2;
    sizes += sizeAt(A, i, j) ** 2;
  }
  return [Math.sqrt(squares), squares < lost ? Infinity : Math.sqrt(sizes)];
};

/** a / b, for a b whose errors are small beside it. */
export const quotient = ([a, sa]: Entry, [b, sb]: Entry): Entry => [
  a / b,
  sa / Math.abs(b) + (Math.abs(a) * sb) / (b * b),
];

/** The columns, each divided by a number of its own. */
export const dividedColumns = (A: Sized, divisor: (j: number) => Entry, roundings: number): Sized => {
  const by = Array.from({ length: A.columns }, (_, j) => divisor(j));
  return entries(A.rows, A.columns, A.roundings + roundings, (i, j) => quotient(entryAt(A, i, j), by[j] as Entry));
};

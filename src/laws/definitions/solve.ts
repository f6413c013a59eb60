/**
 * Small dense linear algebra in float64 for equations: inverses, and orthonormal columns with LAPACK's signs.
 */
import { unchecked } from '../law.js';
import { at, entries, exactly, product, type Sized } from './matrix.js';

/** A^-1 by Gauss and Jordan with row pivots; nothing where A is singular. */
export const plainInverse = (A: Sized): Sized | undefined => {
  const n = A.rows;
  const rows = Array.from({ length: n }, (_, i) => [
    ...A.values.subarray(i * n, (i + 1) * n),
    ...Array.from({ length: n }, (_x, j) => (i === j ? 1 : 0)),
  ]);
  for (let k = 0; k < n; k++) {
    const pivot = rows.slice(k).reduce((best, row, i) => {
      const [here, there] = [Math.abs(row[k] as number), Math.abs(rows[best]?.[k] as number)];
      return here > there ? k + i : best;
    }, k);
    [rows[k], rows[pivot]] = [rows[pivot] as number[], rows[k] as number[]];
    const lead = rows[k] as number[];
    const d = lead[k] as number;
    if (d === 0) return undefined;
    for (let j = 0; j < 2 * n; j++) lead[j] = (lead[j] as number) / d;
    rows.forEach((row, i) => {
      const f = row[k] as number;
      if (i !== k && f !== 0) lead.forEach((x, j) => (row[j] = (row[j] as number) - f * x));
    });
  }
  return exactly(n, n, (i, j) => rows[i]?.[n + j] as number);
};

/** A^-1 with the sizes of its errors: those of A and of every step, each magnified by |A^-1| on both sides. */
export const inverse = (A: Sized): Sized => {
  const X = plainInverse(A);
  if (X === undefined) throw new RangeError('a matrix of an equation is singular');
  const bound = product(product(X, A), X);
  return entries(A.rows, A.rows, A.roundings + 3 * A.rows, (i, j) => [
    at(X, i, j),
    bound.sizes[i * A.rows + j] as number,
  ]);
};

/**
 * The orthonormal columns Q of A = Q R by Householder's reflections, with LAPACK's signs: R's diagonal has the sign opposite to the
 * entry that it replaces, and an entry with nothing below it stays as it is.
 */
export const orthonormalColumns = (A: Sized): Sized => {
  const [m, n] = [A.rows, A.columns];
  const R = Array.from({ length: m }, (_, i) => Array.from({ length: n }, (_x, j) => at(A, i, j)));
  const reflectors: { readonly k: number; readonly v: ReadonlyArray<number>; readonly tau: number }[] = [];
  // how much shorter a column becomes beside those before it: what its rounding errors grow by
  let growth = 1;
  const growths: number[] = [];
  for (let k = 0; k < Math.min(m, n); k++) {
    const x = R.slice(k).map((row) => row[k] as number);
    const below = Math.hypot(...x.slice(1));
    const whole = Math.hypot(...R.map((row) => row[k] as number));
    const lead = x[0] as number;
    if (below !== 0 && below < 2 ** -60) throw unchecked('a column whose length underflows has no sign');
    const beta = below === 0 ? lead : -Math.sign(lead === 0 ? 1 : lead) * Math.hypot(lead, below);
    growth *= Math.max(1, whole / Math.abs(beta === 0 ? 1 : beta));
    growths.push(growth);
    if (below === 0) continue;
    const v = x.map((value, i) => (i === 0 ? 1 : value / (lead - beta)));
    const tau = (beta - lead) / beta;
    reflectors.push({ k, v, tau });
    for (let j = k; j < n; j++) {
      const dot = v.reduce((sum, value, i) => sum + value * (R[k + i]?.[j] as number), 0);
      v.forEach((value, i) => ((R[k + i] as number[])[j] = (R[k + i]?.[j] as number) - tau * dot * value));
    }
  }
  const Q = Array.from({ length: m }, (_, i) => Array.from({ length: n }, (_x, j) => (i === j ? 1 : 0)));
  for (const { k, v, tau } of reflectors.toReversed())
    for (let j = 0; j < n; j++) {
      const dot = v.reduce((sum, value, i) => sum + value * (Q[k + i]?.[j] as number), 0);
      v.forEach((value, i) => ((Q[k + i] as number[])[j] = (Q[k + i]?.[j] as number) - tau * dot * value));
    }
  return entries(m, n, m + n, (i, j) => [Q[i]?.[j] as number, growths[j] as number]);
};

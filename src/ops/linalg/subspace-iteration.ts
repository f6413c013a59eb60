/**
 * Leading singular triplets by iterating on a subspace, in products alone.
 */
import { numbers, singles, withRoom } from '../kernels/linalg.js';
import { key, normalValues } from '../random.js';
import { columnsOfQ, factor, reflectorsRoom } from './householder.js';
import { transposeInto, transposeValues, type Matrix } from './matrix.js';
import { nativeFor } from './native.js';
import { addProduct, type LeftBlock } from './product.js';
import { leading, svd, svdRoom } from './svd.js';
import type { LeadingSvd } from './values.js';
import { addScaled, norm, scaleBy } from './vectors.js';

/** Residual at which triplets count as found. */
export const TOLERANCE = 1e-10;

/** Products with A^T A of the whole block after which what is found is taken with the residual that it has. */
export const MOST_PRODUCTS = 400;

/** A filter's most products, and how much more it may raise the largest value than the last one that is wanted. */
const MOST_DEGREE = 12;
const MOST_GROWTH = 1e8;

/** Products with A [m, n] and its transpose, which lie in one place. */
interface Operator {
  readonly m: number;
  readonly n: number;
  /** `Y = A X` and `X = A^T Y` for q columns, rows one after another. */
  readonly forward: (X: Float64Array, Y: Float64Array, q: number) => void;
  readonly back: (Y: Float64Array, X: Float64Array, q: number) => void;
}

const operatorOf = ({ rows: m, cols: n, data }: Matrix): Operator => {
  // native libraries multiply float64 only
  const x = data instanceof Float32Array && nativeFor(m * n) === undefined ? singles(m * n) : numbers(m * n);
  x.set(data);
  const times =
    (rows: number, cols: number, a: LeftBlock) =>
    (from: Float64Array, to: Float64Array, q: number): void => {
      to.fill(0);
      addProduct(rows, cols, q, a, { x: from, at: 0, row: q }, { x: to, at: 0, row: q });
    };
  return {
    m,
    n,
    forward: times(m, n, { x, at: 0, row: n, step: 1 }),
    back: times(n, m, { x, at: 0, row: 1, step: n }),
  };
};

/** Orthonormal columns [n, q] that span those of X, put in its place. */
const orthonormalise = (X: Float64Array, n: number, q: number): void =>
  withRoom(0, () => {
    const columns = transposeInto(numbers(n * q), X, n, q);
    for (let j = 0; j < q; j++) {
      const length = norm(columns, j * n, n);
      if (length > 0) scaleBy(columns, j * n, 1 / length, n);
    }
    transposeInto(X, columnsOfQ(factor(columns, n, q), 0, q), q, n);
  });

/**
 * Chebyshev's polynomial of A^T A that is small where eigenvalues are below `cut` and grows fastest above it, applied to X [n, q] in
 * place (Zhou, Saad, Tiago and Chelikowsky, 2006); X itself where nothing is to be cut.
 */
const filter = (A: Operator, X: Float64Array<ArrayBuffer>, q: number, cut: number, degree: number): void =>
  withRoom(0, () => {
    const [Y, next] = [numbers(A.m * q), numbers(A.n * q)];
    if (!(cut > 0)) {
      A.forward(X, Y, q);
      A.back(Y, X, q);
      return;
    }
    let [before, now, free] = [X, numbers(A.n * q), next];
    for (let k = 0; k < degree; k++) {
      const source = k === 0 ? before : now;
      A.forward(source, Y, q);
      A.back(Y, free, q);
      // T_1 = h and T_(k + 1) = 2 h T_k - T_(k - 1), with h = (A^T A - cut / 2) / (cut / 2)
      addScaled(free, 0, -cut / 2, source, 0, free.length);
      scaleBy(free, 0, (k === 0 ? 2 : 4) / cut, free.length);
      if (k === 0) [now, free] = [free, now];
      else {
        addScaled(free, 0, -1, before, 0, free.length);
        [before, now, free] = [now, free, before];
      }
    }
    X.set(now);
  });

/** How far a filter goes: as far as the residual is from what is asked for, and not so far that the largest value drowns the others. */
const degreeFor = ({ S, residual }: LeadingSvd, r: number, cut: number): number => {
  const rate = (s: number): number => Math.acosh(Math.max(1, (2 * s * s) / cut - 1));
  const [first, last] = [rate(S[0] as number), rate(S[r - 1] as number)];
  const needed = Math.ceil(Math.log((2 * residual) / TOLERANCE) / last);
  return Math.max(1, Math.min(MOST_DEGREE, needed, Math.floor(Math.log(MOST_GROWTH) / (first - last))));
};

/** The triplets that the span of orthonormal columns X [n, q] has, of which X becomes the right vectors, and their residuals. */
const ritz = (A: Operator, X: Float64Array, q: number, r: number): LeadingSvd =>
  withRoom(0, () => {
    const Y = numbers(A.m * q);
    A.forward(X, Y, q);
    const { U, S, Vt: W } = svd({ rows: A.m, cols: q, data: Y });
    const [turned, left, Z] = [numbers(A.n * q), numbers(q * q), numbers(A.n * q)];
    const turn = numbers(q * q);
    turn.set(transposeValues(W.data, q, q));
    const copy = numbers(A.n * q);
    copy.set(X);
    addProduct(
      A.n,
      q,
      q,
      { x: copy, at: 0, row: q, step: 1 },
      { x: turn, at: 0, row: q },
      { x: turned, at: 0, row: q },
    );
    X.set(turned);
    const u = numbers(A.m * q);
    u.set(U.data);
    A.back(u, Z, q);
    const squares = left.fill(0, 0, q);
    for (let i = 0; i < A.n; i++) {
      for (let j = 0; j < r; j++) {
        const at = i * q + j;
        squares[j] = (squares[j] as number) + ((Z[at] as number) - (S[j] as number) * (X[at] as number)) ** 2;
      }
    }
    const largest = Math.sqrt(squares.subarray(0, r).reduce((a, b) => Math.max(a, b), 0));
    const residual = (S[0] as number) > 0 ? largest / (S[0] as number) : 0;
    return { U, S, Vt: { rows: q, cols: A.n, data: transposeValues(X, A.n, q) }, residual };
  });

/** Numbers that `subspaceIteration` takes room for. */
const roomFor = (m: number, n: number, q: number): number =>
  m * n + 8 * (m + n) * q + 8 * q * q + Math.max(svdRoom(m, q), reflectorsRoom(n, q));

/**
 * The r largest singular triplets by subspace iteration on q > r columns with Chebyshev's filters, in float64, from random columns of a fixed
 * seed: until their residual is at most `TOLERANCE`, or as far as `most` products with A^T A bring them.
 */
export const subspaceIteration = (A: Matrix, r: number, q: number, most: number): LeadingSvd => {
  const [m, n] = [A.rows, A.cols];
  return withRoom(roomFor(m, n, q), () => {
    const operator = operatorOf(A);
    const X = numbers(n * q);
    X.set(normalValues(key(0), n * q));
    for (let products = 0; ;) {
      orthonormalise(X, n, q);
      const found = ritz(operator, X, q, r);
      products += 1;
      if (found.residual <= TOLERANCE || products >= most) return { ...leading(found, r), residual: found.residual };
      const last = found.S[q - 1] as number;
      const cut = last > 1e-7 * (found.S[0] as number) ? last * last : 0;
      const degree = cut > 0 ? degreeFor(found, r, cut) : 1;
      filter(operator, X, q, cut, degree);
      products += degree;
    }
  });
};

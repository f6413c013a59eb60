/**
 * CorDA: the adapter starts with the singular triplets of the weights as the data sees them, and the base keeps the rest.
 *
 * Yang et al., "CorDA: Context-Oriented Decomposition Adaptation of Large Language Models for Task-Aware Parameter-Efficient
 * Fine-tuning", https://arxiv.org/abs/2406.05223
 */
import { E } from '../../fp.js';
import { hostInverse, leading, matrix, multiply, svd, transposed, type Matrix } from '../../ops/linalg/index.js';
import { lookup } from '../../ops/tensor.js';
import { fail, type Result } from '../../problem.js';
import { balanced } from '../methods/lora/factors.js';
import { trailing } from '../updates/residual.js';
import { rankProblem } from './pissa.js';
import { startFrom, type Found, type LinearStart, type Started, type StartOptions } from './started.js';

/** Values in float64. */
const values = (X: Matrix): Float64Array => Float64Array.from(X.data);

/**
 * C = mean of X^T X over batches X [tokens, in] of a layer's inputs, each divided by the magnitude of its largest number.
 *
 * The largest number, and not the largest magnitude, as in PEFT. Problems: no batches, batches of other widths, numbers that
 * are not finite, a batch whose largest number is 0.
 */
export const covariance = (batches: ReadonlyArray<Matrix>): Result<Matrix> => {
  const n = batches[0]?.cols;
  if (n === undefined) return fail('inputs', 'at least one batch', 'none');
  const C = new Float64Array(n * n);
  for (const X of batches) {
    if (X.cols !== n) return fail('inputs', `batches of ${n} features`, `one of ${X.cols}`);
    const largest = Math.abs(values(X).reduce((a, b) => Math.max(a, b), -Infinity));
    const scaled = matrix(
      X.rows,
      n,
      values(X).map((x) => x / largest),
    );
    values(multiply(transposed(scaled), scaled)).forEach((x, i) => (C[i] = (C[i] as number) + x / batches.length));
  }
  return C.every(Number.isFinite)
    ? E.right(matrix(n, n, C))
    : fail('inputs', 'finite numbers with a largest one that is not 0', 'others');
};

/** C with d added to its diagonal. */
const shifted = (C: Matrix, d: number): Matrix =>
  matrix(
    C.rows,
    C.rows,
    values(C).map((x, i) => (i % (C.rows + 1) === 0 ? x + d : x)),
  );

/** ||C C' - I||, the error of an inverse in the Frobenius norm. */
const inverseError = (C: Matrix, inverse: Matrix): number =>
  Math.sqrt(values(shifted(multiply(C, inverse), -1)).reduce((sum, x) => sum + x * x, 0));

/** How often the damping doubles before a covariance is given up. */
const MOST_DOUBLINGS = 40;

/** C + d mean(diag C) I and its inverse, for the first d of 0.01, 0.02, 0.04, ... whose inverse is one up to 0.05. */
const damped = (C: Matrix): Result<{ readonly C: Matrix; readonly inverse: Matrix }> => {
  const mean = values(C).reduce((sum, x, i) => (i % (C.rows + 1) === 0 ? sum + x : sum), 0) / C.rows;
  for (let i = 0; i < MOST_DOUBLINGS; i++) {
    const fixed = shifted(C, 0.01 * 2 ** i * mean);
    const inverse = hostInverse(fixed);
    if (E.isRight(inverse) && inverseError(fixed, inverse.right) < 0.05)
      return E.right({ C: fixed, inverse: inverse.right });
  }
  return fail('covariance', 'a matrix that damping makes invertible', `one with ${mean} on average on its diagonal`);
};

/** Which triplets go into the adapter: the first ("ipm", to learn a task) or the last ("kpm", to keep knowledge). */
export type CordaMethod = 'ipm' | 'kpm';

/**
 * A = sqrt(S / s) V^T C^-1 and B = U sqrt(S / s), for r triplets of W C = U S V^T.
 *
 * @param C covariance [in, in] of the layer's inputs
 */
export const cordaFactors = ({ W, r, s }: LinearStart, C: Matrix, method: CordaMethod): Result<Found> =>
  E.map(({ C: fixed, inverse }: { readonly C: Matrix; readonly inverse: Matrix }) => {
    const spectrum = svd(multiply(W, fixed));
    const { U, S, Vt } = method === 'ipm' ? leading(spectrum, r) : trailing(spectrum, r);
    return balanced({ U, S, Vt: multiply(Vt, inverse) }, s);
  })(damped(C));

/**
 * A LoRA adapter from the weights and the covariance of each layer's inputs, and the base W - s B A.
 *
 * Problems: covariances that are missing or of another width.
 *
 * @param covariances by module name: C [in, in] (see `covariance`)
 */
export const cordaInit = (
  config: Readonly<Record<string, unknown>>,
  options: StartOptions,
  covariances: Readonly<Record<string, Matrix>>,
  method: CordaMethod = 'ipm',
): Promise<Result<Started>> =>
  startFrom(
    config,
    options,
    async (layer) => {
      const C = lookup(covariances, layer.module);
      const n = layer.W.cols;
      if (C?.rows !== n || C.cols !== n)
        return fail(
          `covariances: ${layer.module}`,
          `a matrix [${n}, ${n}]`,
          C === undefined ? 'none' : `[${C.rows}, ${C.cols}]`,
        );
      return rankProblem(layer) ?? cordaFactors(layer, C, method);
    },
    { exact: true },
  );

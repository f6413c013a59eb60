/**
 * The best low-rank part of a change of a weight.
 */
import { read, scope } from '../ops/backend.js';
import { leading, matrixOf, svd, svdOfProduct, svdTruncated, tensorOfMatrix, type Svd } from '../ops/linalg/index.js';
import { matMul } from '../ops/mat-mul.js';
import { key } from '../ops/random.js';
import type { Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import type { LowRank, WeightUpdate } from './update.js';

/** How many singular triplets to keep: so many, or the fewest that hold a share of the sum of squared singular values. */
export type Keep = { readonly rank: number } | { readonly energy: number };

/** Sides up to which all triplets are found; beyond, the leading ones by random projection. */
const WHOLE = 512;

const ITERATIONS = 4;

const sumOfSquares = async (X: Tensor): Promise<number> => {
  const rows = scope(() => tf.sum(tf.square(X), 1));
  const values = await read(rows);
  rows.dispose();
  return values.reduce((a, b) => a + b, 0);
};

/** ||X||_F, summed in float64 over rows. */
export const frobenius = async (X: Tensor): Promise<number> => Math.sqrt(await sumOfSquares(X));

/** Changes are float32, so a share of the energy below this is rounding. */
const ROUNDING = 2 ** -22;

/** The smallest k whose k largest values hold a share of the energy, up to rounding; at least 1. */
export const rankFor = (S: ArrayLike<number>, energy: number, total: number): number | undefined => {
  let sum = 0;
  for (let k = 0; k < S.length; k++) {
    sum += (S[k] as number) ** 2;
    if (sum >= (1 - ROUNDING) * energy * total) return k + 1;
  }
  return undefined;
};

const cut = (spectrum: Svd, keep: Keep): Svd => {
  if ('rank' in keep) return leading(spectrum, keep.rank);
  const total = spectrum.S.reduce((sum, s) => sum + s * s, 0);
  return leading(spectrum, rankFor(spectrum.S, keep.energy, total) ?? spectrum.S.length);
};

/** The factors of updates that are products of such; nothing for others. */
const factorsOf = (update: WeightUpdate): ReadonlyArray<LowRank> | undefined => {
  switch (update._tag) {
    case 'LowRank':
      return update.B.rank === 2 ? [update] : undefined;
    case 'Sum':
    case 'Sequence': {
      const parts = update.updates.map(factorsOf);
      return parts.some((p) => p === undefined) ? undefined : parts.flatMap((p) => p ?? []);
    }
    default:
      return undefined;
  }
};

const productSpectrum = async (parts: ReadonlyArray<LowRank>): Promise<Svd> => {
  const B = scope(() =>
    tf.concat(
      parts.map((p) => tf.mul(p.B, p.s)),
      1,
    ),
  );
  const A = scope(() =>
    tf.concat(
      parts.map((p) => tf.clone(p.A)),
      0,
    ),
  );
  const found = svdOfProduct(await matrixOf(B), await matrixOf(A));
  tf.dispose([B, A]);
  return found;
};

/** The leading triplets of a large matrix: as many as asked for, or twice as many each time until they hold enough. */
const largeSpectrum = async (D: Tensor, keep: Keep): Promise<Svd> => {
  if ('rank' in keep) return svdTruncated(D, keep.rank, key(0), { iterations: ITERATIONS });
  const total = await sumOfSquares(D);
  const most = Math.min(...D.shape);
  for (let r = Math.min(64, most); ; r = Math.min(2 * r, most)) {
    const found = await svdTruncated(D, r, key(0), { iterations: ITERATIONS });
    const rank = rankFor(found.S, keep.energy, total);
    if (rank !== undefined || r === most) return leading(found, rank ?? r);
  }
};

/** B = U_k diag(S_k), A = V_k^T, the size of the change and of what is left of it. */
export interface Approximation {
  readonly B: Tensor;
  readonly A: Tensor;
  readonly rank: number;
  /** ||D||_F. */
  readonly norm: number;
  /** ||D - B A||_F, with the factors as they are in float32. */
  readonly error: number;
}

/**
 * The best approximation of a change D [m, n] by B A of some rank, and its error.
 *
 * Where D is a product of factors of low rank, or small, all of its singular triplets are found; otherwise the leading ones by
 * random projection, which may be a little off the best. The error is that of the result, whatever way it was found.
 *
 * @param D the change as a matrix; stays the caller's
 * @param update the update that D is the change of, if it says more about D
 */
export const approximate = async (D: Tensor, keep: Keep, update?: WeightUpdate): Promise<Approximation> => {
  const short = Math.min(...D.shape);
  const parts = update === undefined ? undefined : factorsOf(update);
  const inner = parts?.reduce((n, p) => n + (p.A.shape[0] as number), 0) ?? Infinity;
  const spectrum =
    parts !== undefined && inner < short
      ? cut(await productSpectrum(parts), keep)
      : short <= WHOLE
        ? cut(svd(await matrixOf(D)), keep)
        : await largeSpectrum(D, keep);
  const rank = 'rank' in keep ? keep.rank : spectrum.S.length;
  const { B, A, left } = scope(() => {
    // a product of factors may have fewer triplets than asked for: the others are zero
    const missing = rank - spectrum.S.length;
    const U = tf.mul(tensorOfMatrix(spectrum.U), tf.tensor2d(Float32Array.from(spectrum.S), [1, spectrum.S.length]));
    const b = tf.pad(U as tf.Tensor2D, [
      [0, 0],
      [0, missing],
    ]);
    const a = tf.pad(tensorOfMatrix(spectrum.Vt) as tf.Tensor2D, [
      [0, missing],
      [0, 0],
    ]);
    return { B: b as Tensor, A: a as Tensor, left: tf.sub(D, matMul(b, a)) };
  });
  const [norm, error] = [await frobenius(D), await frobenius(left)];
  left.dispose();
  return { B, A, rank, norm, error };
};

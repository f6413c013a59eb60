/**
 * The leading singular triplets of a base weight, for methods that build on them.
 */
import { leading, svdLowRankSync, type Matrix, type Svd } from '../ops/linalg/index.js';
import { key, normalValues } from '../ops/random.js';
import type { Tensor } from '../ops/tensor.js';
import { svdLowrankTestMatrix, torchGenerator } from '../ops/torch-random/index.js';
import { spectrumOf } from './updates/spectrum.js';

/** What is known of a weight's data, which never changes, by how it was asked for. */
const known = new WeakMap<object, Map<string, Svd>>();

const rememberedFor = (W: Tensor, how: string, compute: () => Svd): Svd => {
  const results = known.get(W.dataId) ?? new Map<string, Svd>();
  known.set(W.dataId, results);
  const id = `${how} ${W.shape.join(' ')}`;
  const found = results.get(id) ?? compute();
  results.set(id, found);
  return found;
};

/** Up to this size of the smaller side the whole spectrum is computed. */
const EXACT = 512;

/** Power iterations of the random projection beyond that: enough for gaps of a few percent between singular values. */
const ITERATIONS = 20;

const randomMatrix = (rows: number, cols: number): Matrix => ({
  rows,
  cols,
  data: Float64Array.from(normalValues(key(0), rows * cols)),
});

/**
 * The r leading singular triplets of W [m, n]: exact up to 512 rows or columns, beyond that by random projection with a fixed
 * seed. Throws on webgpu, whose values cannot be read synchronously.
 *
 * Each left vector's entry of largest magnitude is positive, which is not LAPACK's choice.
 */
export const principalTriplets = (W: Tensor, r: number): Svd => {
  const short = Math.min(...W.shape);
  if (short <= EXACT) return leading(spectrumOf(W), r);
  const width = Math.min(short, r + Math.max(10, r));
  return rememberedFor(W, `leading ${r}`, () => leading(svdLowRankSync(W, randomMatrix(short, width), ITERATIONS), r));
};

/** `torch.svd_lowrank(W, q, niter)` after `torch.manual_seed(seed)`, up to signs; W [m, n], q at most min(m, n). */
export const torchLowRank = (W: Tensor, q: number, niter: number, seed: number): Svd =>
  rememberedFor(W, `low rank ${q} ${niter} ${seed}`, () => {
    const [m, n] = W.shape as [number, number];
    const data = Float64Array.from(svdLowrankTestMatrix(torchGenerator(seed), m, n, q));
    return svdLowRankSync(W, { rows: Math.min(m, n), cols: q, data }, niter);
  });

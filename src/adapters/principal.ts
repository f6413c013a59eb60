/**
 * Approximate leading singular triplets of a base weight, as torch draws them.
 */
import { svdLowRankSync, type Svd } from '../ops/linalg/index.js';
import type { Tensor } from '../ops/tensor.js';
import { svdLowrankTestMatrix, torchGenerator } from '../ops/torch-random/index.js';

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

/** `torch.svd_lowrank(W, q, niter)` after `torch.manual_seed(seed)`, up to signs; W [m, n], q at most min(m, n). */
export const torchLowRank = (W: Tensor, q: number, niter: number, seed: number): Svd =>
  rememberedFor(W, `low rank ${q} ${niter} ${seed}`, () => {
    const [m, n] = W.shape as [number, number];
    const data = Float64Array.from(svdLowrankTestMatrix(torchGenerator(seed), m, n, q));
    return svdLowRankSync(W, { rows: Math.min(m, n), cols: q, data }, niter);
  });

/**
 * Approximate leading singular triplets of a base weight, as torch draws them.
 */
import { svdLowRankSync, type Svd } from '../ops/linalg/index.js';
import type { Tensor } from '../ops/tensor.js';
import { svdLowrankTestMatrix, torchGenerator } from '../ops/torch-random/index.js';
import { memory } from './remembered.js';

const known = memory<Svd>();

/** `torch.svd_lowrank(W, q, niter)` after `torch.manual_seed(seed)`, up to signs; W [m, n], q at most min(m, n). */
export const torchLowRank = (W: Tensor, q: number, niter: number, seed: number): Svd =>
  known([W.dataId], [q, niter, seed, ...W.shape].join(' '), () => {
    const [m, n] = W.shape as [number, number];
    const data = Float64Array.from(svdLowrankTestMatrix(torchGenerator(seed), m, n, q));
    return svdLowRankSync(W, { rows: Math.min(m, n), cols: q, data }, niter);
  });

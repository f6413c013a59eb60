/**
 * VeLoRA's branch: plain LoRA whose gradient of A sees the input through one direction.
 */
import type { Tensor } from '../../ops/tensor.js';

/**
 * y' = y + s (x A^T) B^T; for the gradient of A, x is its projections on a direction e of unit norm, group by group of its
 * features, times e and `scale`. A [r, in], B [out, r], e [ceil(in / groups)].
 */
export interface Compressed {
  readonly kind: 'Compressed';
  readonly A: Tensor;
  readonly B: Tensor;
  readonly s: number;
  readonly e: Tensor;
  /** Where the direction comes from: e, the mean of this batch, or this batch where e is still zero. */
  readonly direction: 'stored' | 'batch' | 'first-batch';
  readonly groups: number;
  readonly scale: number;
}

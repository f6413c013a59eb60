/**
 * Projections seen as heads; `attention` itself is an operation.
 */
import { reshape } from '../../ops/reshape.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';

export { attention } from '../../ops/attention.js';

/** [B, T, H d] -> [B, T, H, d]: channels of a projection as heads. */
export const asHeads = (x: Tensor, heads: number): Tensor => {
  const [B, T, width] = x.shape as [number, number, number];
  return reshape(x, [B, T, heads, width / heads]);
};

/** [B, T, H, d] -> [B, H, T, d], and back. */
export const swapHeads = (x: Tensor): Tensor => tf.transpose(x, [0, 2, 1, 3]);

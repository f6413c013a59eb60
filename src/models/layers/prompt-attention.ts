/**
 * Attention to virtual tokens beside the real ones, through a gate (Zhang et al., LLaMA-Adapter, arXiv 2303.16199).
 */
import { updateOf, type ModelWeights } from '../../adapters/attached.js';
import { attentionKey } from '../../adapters/branch.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { attention } from './attention.js';

/**
 * g softmax(q K^T / sqrt(d)) V for the virtual tokens beside an attention layer; `undefined` where it has none.
 *
 * @param module the attention layer's name
 * @param q queries [B, H, S, d], as the layer uses them
 * @param project keys and values [1, Hkv, n, d] of tokens [1, n, D]; they have no positions
 * @returns [B, S, H d], heads side by side, before the output projection
 */
export const promptAttention = (
  p: ModelWeights,
  module: string,
  q: Tensor,
  project: (tokens: Tensor) => { readonly k: Tensor; readonly v: Tensor },
): Tensor | undefined => {
  const update = updateOf(p, attentionKey(module));
  if (update === undefined) return undefined;
  if (update._tag !== 'Branch' || update.kind !== 'PromptAttention')
    throw new TypeError(`${module}: an attention layer takes one adaption prompt`);
  const { k, v } = project(update.P);
  const [B, , , d] = q.shape as [number, number, number, number];
  const forBatch = (x: Tensor): Tensor => tf.tile(x, [B, 1, 1, 1]);
  return tf.mul(attention(q, forBatch(k), forBatch(v), { scale: d ** -0.5 }), update.g);
};

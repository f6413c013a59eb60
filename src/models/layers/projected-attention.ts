/**
 * Attention between four linear projections, without rotation: queries, keys, values, and the output.
 */
import type { ModelWeights } from '../../adapters/attached.js';
import type { Tensor } from '../../ops/tensor.js';
import { extend, type LayerCache } from '../cache.js';
import { asHeads, attention, swapHeads } from './attention.js';
import { linear } from './linear.js';

/** Names of the linear layers of an attention layer. */
export interface Projections {
  readonly q: string;
  readonly k: string;
  readonly v: string;
  readonly o: string;
}

/** How queries attend; as in `attention`. */
export interface AttentionOptions {
  readonly heads: number;
  readonly scale: number;
  readonly mask: Tensor | undefined;
}

const project = (p: ModelWeights, module: string, x: Tensor, heads: number): Tensor =>
  swapHeads(asHeads(linear(p, module, x), heads));

/** k x and v x as heads, [B, H, T, d] each; x [B, T, D]. */
export const keysAndValues = (
  p: ModelWeights,
  { k, v }: Pick<Projections, 'k' | 'v'>,
  x: Tensor,
  heads: number,
): LayerCache => ({ k: project(p, k, x, heads), v: project(p, v, x, heads) });

/** o(softmax(s (q x) K^T + M) V) for keys and values that are there; x [B, S, D], result [B, S, D]. */
export const attendTo = (
  p: ModelWeights,
  { q, o }: Pick<Projections, 'q' | 'o'>,
  x: Tensor,
  { k, v }: LayerCache,
  { heads, scale, mask }: AttentionOptions,
): Tensor => linear(p, o, attention(project(p, q, x, heads), k, v, { scale, mask }));

/** Attention of x [B, T, D] to [past; x], with its keys and values. */
export const selfAttention = (
  p: ModelWeights,
  names: Projections,
  x: Tensor,
  past: LayerCache | undefined,
  options: AttentionOptions,
): readonly [Tensor, LayerCache] => {
  const cache = extend(past, keysAndValues(p, names, x, options.heads));
  return [attendTo(p, names, x, cache, options), cache];
};

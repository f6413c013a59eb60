/**
 * The path of a shadow's state through a decoder's layers (ShadowPEFT).
 */
import { updateOf, type ModelWeights } from '../../adapters/attached.js';
import { blockKey, shadowKey, type Network, type ShadowBlock } from '../../adapters/updates/shadow.js';
import { gelu } from '../../ops/activation.js';
import { matMul } from '../../ops/mat-mul.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';

/** A state that goes beside the activations, and the blocks that look at it. */
export interface ShadowPath {
  /** s before the first layer, [B, T, D]. */
  readonly state: Tensor;
  /** What couples a layer to the state; layers without it leave the state as it is. */
  readonly block: (layer: number) => ShadowBlock | undefined;
  /** Whether a layer behind this one looks at the state. */
  readonly goesOn: (layer: number) => boolean;
}

/** The rows of x [..., n] as a matrix, for one flat product. */
const rows = (x: Tensor): Tensor => tf.reshape(x, [-1, x.shape[x.rank - 1] as number]);

const network = ({ W1, b1, W2, b2 }: Network, x: Tensor): Tensor =>
  tf.add(matMul(gelu(tf.add(matMul(x, W1, false, true), b1)), W2, false, true), b2);

/** h + alpha (h - s) A^T B^T, for h and s [B, T, D]. */
export const inject = ({ A, B, alpha }: ShadowBlock, h: Tensor, s: Tensor): Tensor => {
  const correction = matMul(matMul(rows(tf.sub(h, s)), A, false, true), B, false, true);
  return tf.add(h, tf.reshape(tf.mul(correction, alpha), h.shape));
};

/** (1 - g) s + g T(y) with g = sigmoid(G(y)), for a block's output y and the state s, both [B, T, D]. */
export const advance = ({ T, G }: ShadowBlock, y: Tensor, s: Tensor): Tensor => {
  const flat = rows(y);
  const g = tf.sigmoid(network(G, flat));
  const next = tf.add(tf.mul(tf.sub(1, g), rows(s)), tf.mul(g, network(T, flat)));
  return tf.reshape(next, s.shape);
};

const blockIn = (p: ModelWeights, module: string): ShadowBlock | undefined => {
  const update = updateOf(p, blockKey(module));
  if (update === undefined) return undefined;
  if (update._tag === 'Branch' && update.kind === 'ShadowBlock') return update;
  throw new TypeError(`${module}: a block follows one shadow: two ShadowPEFT adapters cannot be composed`);
};

/**
 * The path beside some weights, where a shadow has run; nothing otherwise.
 *
 * @param moduleOf the name of a layer's module
 */
export const shadowPath = (
  p: ModelWeights,
  layers: number,
  moduleOf: (layer: number) => string,
): ShadowPath | undefined => {
  const update = updateOf(p, shadowKey);
  const state = update?._tag === 'Branch' && update.kind === 'Shadow' ? update.state : undefined;
  if (state === undefined) return undefined;
  const blocks = Array.from({ length: layers }, (_, layer) => blockIn(p, moduleOf(layer)));
  const last = blocks.findLastIndex((block) => block !== undefined);
  return { state, block: (layer) => blocks[layer], goesOn: (layer) => layer < last };
};

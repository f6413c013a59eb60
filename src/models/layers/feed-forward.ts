/**
 * Feed-forward layers: linear, activation, linear, with or without a gate.
 */
import type { ModelWeights } from '../../adapters/attached.js';
import type { Activation } from '../../ops/activation.js';
import { silu, siluGate } from '../../ops/silu.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { linear } from './linear.js';

/** down(act(up x)) for x [..., D]; modules by name. */
export const feedForward = (
  p: ModelWeights,
  { up, down }: { readonly up: string; readonly down: string },
  act: Activation,
  x: Tensor,
): Tensor => linear(p, down, act(linear(p, up, x)));

/** down(act(gate x) * up x): a gated linear unit (Shazeer, arXiv 2002.05202); x [..., D], modules by name. */
export const gatedFeedForward = (
  p: ModelWeights,
  { gate, up, down }: { readonly gate: string; readonly up: string; readonly down: string },
  act: Activation,
  x: Tensor,
): Tensor => {
  const [h, values] = [linear(p, gate, x), linear(p, up, x)];
  return linear(p, down, act === silu ? siluGate(h, values) : tf.mul(act(h), values));
};

/**
 * Gates of experts from hidden states (Buehler and Buehler, X-LoRA, arXiv 2402.07148).
 */
import type { Router } from '../../adapters/branch.js';
import { matMul } from '../../ops/mat-mul.js';
import { stopGradient } from '../../ops/stop-gradient.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';

/** f(H): W x + b with a relu between two layers; H [batch, T, D], f(H) [batch, T, layers, experts]. */
const logits = ({ network, layers, experts }: Router, H: Tensor): Tensor => {
  const [batch, T, D] = H.shape as [number, number, number];
  const y = network.reduce<Tensor>(
    (x, { W, b }, i) => tf.add(matMul(i === 0 ? x : tf.relu(x), W, false, true), b),
    tf.reshape(H, [batch * T, D]),
  );
  return tf.reshape(y, [batch, T, layers, experts]);
};

/** 1 for the k largest of the last axis and 0 for the others; the first of equal ones counts as larger. */
const largest = (x: Tensor, k: number): Tensor => {
  const E = x.shape[x.rank - 1] as number;
  if (k === 0) return tf.zerosLike(x);
  if (k === E) return tf.onesLike(x);
  const { indices } = tf.topk(stopGradient(x), k);
  return tf.sum(tf.cast(tf.oneHot(indices, E), 'float32'), -2);
};

/** Of what is not zero a softmax, of the rest 0. */
const renormalized = (x: Tensor): Tensor => {
  const open = tf.cast(tf.notEqual(x, tf.zerosLike(x)), 'float32');
  // far below every number that a float32 network gives, and no infinity, whose softmax would be no number
  const closed = tf.mul(tf.sub(open, 1), 1e30);
  return tf.mul(tf.softmax(tf.add(tf.mul(x, open), closed)), open);
};

/** Gates after the router's top-k, softmax over what is open, and factor; any shape [..., experts]. */
const chosen = ({ topK, renormalized: again, weight }: Router, scalings: Tensor): Tensor => {
  const kept = topK === undefined ? scalings : tf.mul(scalings, largest(scalings, topK));
  const normal = again ? renormalized(kept) : kept;
  return weight === 1 ? normal : tf.mul(normal, weight);
};

/** The gates of one layer, by its number: [batch, T, experts]. */
export type Gates = (layer: number) => Tensor;

/** Gates of every layer from the last hidden states H [batch, T, D]. */
export const gatesOf = (router: Router, H: Tensor): Gates => {
  const z = logits(router, H);
  const scalings = router.temperature === undefined ? z : tf.softmax(tf.div(z, router.temperature));
  const gates = tf.unstack(chosen(router, scalings), 2);
  return (layer) => gates[router.layers === 1 ? 0 : layer] as Tensor;
};

/** The same gates at every layer and token, while hidden states are computed; `undefined` where all are closed. */
export const firstGates = (router: Router): Gates | undefined => {
  if (router.first === 0) return undefined;
  const gates = chosen(router, tf.fill([1, 1, router.experts], router.first));
  return () => gates;
};

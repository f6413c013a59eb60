/**
 * A mixture of experts: a router chooses k of E gated linear units for every token (Shazeer et al., arXiv 1701.06538), in the
 * form of GPT-OSS (arXiv 2508.10925), which stacks the experts' weights.
 */
import type { ModelWeights } from '../../adapters/attached.js';
import { quickGelu } from '../../ops/activation.js';
import { matMul } from '../../ops/mat-mul.js';
import { stopGradient } from '../../ops/stop-gradient.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { paramKey } from '../spec.js';
import { linear } from './linear.js';
import { parameter } from './parameter.js';

/** Bound of what enters a gated unit. */
const LIMIT = 7;

/** Who computes what: k experts of each of n tokens, best first. */
interface Routing {
  /** int32 [n, k]. */
  readonly chosen: Tensor;
  /** 1 where token i has expert e in place j, [n, k, E]. */
  readonly places: Tensor;
  /** softmax over the k chosen logits, [n, k]. */
  readonly scores: Tensor;
}

/** 1 where a choice is e, [n, k, E]; tfjs has none for E = 1, and on wasm writes integers whatever type is asked for. */
const oneHot = (chosen: Tensor, E: number): Tensor =>
  E === 1 ? tf.ones([...chosen.shape, 1]) : tf.cast(tf.oneHot(chosen, E), 'float32');

/** Routing of x [n, D] by logits R x + b; the choice is a constant, the scores are differentiable. */
const route = (p: ModelWeights, module: string, x: Tensor, k: number): Routing => {
  const logits = linear(p, module, x);
  const E = logits.shape[1] as number;
  const chosen = tf.topk(stopGradient(logits), k).indices;
  const places = oneHot(chosen, E);
  return { chosen, places, scores: tf.softmax(tf.sum(tf.mul(places, tf.expandDims(logits, 1)), 2)) };
};

/** Weights of experts, with any batch axes before. */
interface Experts {
  /** [..., D, 2 I]: columns of gate and up in turn. */
  readonly gateUp: Tensor;
  readonly gateUpBias: Tensor;
  /** [..., I, D]. */
  readonly down: Tensor;
  readonly downBias: Tensor;
}

/** The experts' weights, [E, ...] each, after `f`. */
const expertsOf = (p: ModelWeights, module: string, f: (stacked: Tensor) => Tensor): Experts => {
  const at = (name: string): Tensor => f(parameter(p, paramKey(module, name)));
  return {
    gateUp: at('gate_up_proj'),
    gateUpBias: at('gate_up_proj_bias'),
    down: at('down_proj'),
    downBias: at('down_proj_bias'),
  };
};

/** (up + 1) gate sigmoid(1.702 gate), gate at most 7 and up in [-7, 7]; h [..., 2 I] has them in turn. */
const gated = (h: Tensor): Tensor => {
  const outer = h.shape.slice(0, -1);
  const I = (h.shape[h.rank - 1] as number) / 2;
  const halves = tf.split(tf.reshape(h, [...outer, I, 2]), 2, -1).map((part) => tf.reshape(part, [...outer, I]));
  const [gate, up] = halves as [Tensor, Tensor];
  return tf.mul(tf.add(tf.clipByValue(up, -LIMIT, LIMIT), 1), quickGelu(tf.minimum(gate, LIMIT)));
};

/** down(gated(gateUp x)) for x [..., n, D]; batch axes broadcast. */
const expert = (x: Tensor, { gateUp, gateUpBias, down, downBias }: Experts): Tensor => {
  const h = tf.add(matMul(x, gateUp), tf.expandDims(gateUpBias, -2));
  return tf.add(matMul(gated(h), down), tf.expandDims(downBias, -2));
};

/** Every expert for every token, those that were not chosen with weight 0; no weight is copied. */
const byAll = (p: ModelWeights, module: string, x: Tensor, { places, scores }: Routing): Tensor => {
  const y = expert(
    x,
    expertsOf(p, module, (W) => W),
  );
  const shares = tf.transpose(tf.sum(tf.mul(places, tf.expandDims(scores, 2)), 1)); // [E, n]
  return tf.sum(tf.mul(y, tf.expandDims(shares, 2)), 0);
};

/** The chosen experts alone, their weights gathered for each token. */
const byChosen = (p: ModelWeights, module: string, x: Tensor, { chosen, scores }: Routing): Tensor => {
  const [n, k] = chosen.shape as [number, number];
  const ids = tf.reshape(chosen, [n * k]) as tf.Tensor1D;
  const gathered = (W: Tensor): Tensor => tf.reshape(tf.gather(W, ids, 0), [n, k, ...W.shape.slice(1)]);
  const y = expert(tf.reshape(x, [n, 1, 1, -1]), expertsOf(p, module, gathered));
  return tf.sum(tf.mul(tf.reshape(y, [n, k, -1]), tf.expandDims(scores, 2)), 1);
};

/**
 * y = sum over the k best experts e of softmax(logits)_e expert_e(x).
 *
 * Nothing is read back from a GPU to route: few tokens (decoding) gather the weights of their experts, and many ask all.
 *
 * @param p weights: `module.router` is linear, [E, D]; `module.experts` has `gate_up_proj` [E, D, 2 I], `gate_up_proj_bias` [E, 2 I],
 * `down_proj` [E, I, D] and `down_proj_bias` [E, D]
 * @param x [B, T, D]
 * @param k experts of a token, at most E
 * @returns [B, T, D]
 */
export const mixtureOfExperts = (p: ModelWeights, module: string, x: Tensor, k: number): Tensor => {
  const rows = tf.reshape(x, [-1, x.shape[x.rank - 1] as number]);
  const routing = route(p, paramKey(module, 'router'), rows, k);
  const [n, , E] = routing.places.shape as [number, number, number];
  const compute = n * k < E ? byChosen : byAll;
  return tf.reshape(compute(p, paramKey(module, 'experts'), rows, routing), x.shape);
};

/**
 * What a training step computes beside its products: values and gradients of whole layers.
 */
import * as tf from '@tensorflow/tfjs-core';
import { causalMask } from '../../src/models/layers/mask.js';
import { rotationOf } from '../../src/models/layers/rotate.js';
import { attention } from '../../src/ops/attention.js';
import { crossEntropies } from '../../src/ops/cross-entropy.js';
import { geluTanh } from '../../src/ops/gelu-tanh.js';
import { layerNorm, rmsNorm } from '../../src/ops/norm.js';
import { rotateHeads } from '../../src/ops/rotate-heads.js';
import { siluGate } from '../../src/ops/silu.js';
import { recordOf, type Shape, type Tensor } from '../../src/ops/tensor.js';
import { valueAndGrad } from '../../src/ops/value-and-grad.js';
import { tensors, type Side } from '../made.js';
import { numbers, type Operation } from './operation.js';

type Op = (...xs: ReadonlyArray<Tensor>) => Tensor;

/** The gradients of sum y^2 / 2, so that what comes back is y. */
const gradients = (f: Op, xs: ReadonlyArray<Tensor>, side: Side): ReadonlyArray<Tensor> => {
  const loss: Op = (...ys) => tf.mul(tf.sum(tf.square(f(...ys))), 0.5);
  if (side === 'tfjs') return tf.grads((...ys) => loss(...ys))([...xs]);
  const params = recordOf(xs.map((x, i) => [String(i), x] as const));
  const { value, grads } = valueAndGrad((p) => loss(...xs.map((_, i) => p[String(i)] as Tensor)))(params);
  value.dispose();
  return xs.map((_, i) => grads[String(i)] as Tensor);
};

const forward =
  (f: Op): ((xs: ReadonlyArray<Tensor>) => ReadonlyArray<Tensor>) =>
  (xs) => [tf.tidy(() => f(...xs))];

/** An operation and its gradients in all of its inputs. */
const differentiated = (
  name: string,
  against: string,
  shapes: ReadonlyArray<Shape>,
  sides: Readonly<Record<Side, () => Op>>,
): ReadonlyArray<Operation> => {
  const prepare =
    (run: (f: Op, side: Side) => (xs: ReadonlyArray<Tensor>) => ReadonlyArray<Tensor>): Operation['prepare'] =>
    (side) => {
      const [f, xs] = [sides[side](), shapes.map((shape, i) => numbers(i, shape))];
      const g = run(f, side);
      return () => tensors(g(xs));
    };
  return [
    { name, against, prepare: prepare(forward) },
    { name: `${name}, gradients`, against, prepare: prepare((f, side) => (xs) => gradients(f, xs, side)) },
  ];
};

const [B, H, T, D] = [4, 8, 128, 32] as const;
const tokens: Shape = [4, 128, 768];
const hidden: Shape = [4, 128, 2048];
const heads: Shape = [B, H, T, D];
const EPS = 1e-5;
const SCALE = D ** -0.5;

const plainAttention = (q: Tensor, k: Tensor, v: Tensor, mask: Tensor): Tensor => {
  const weights = tf.softmax(tf.add(tf.mul(tf.matMul(q, k, false, true), SCALE), mask));
  return tf.reshape(tf.transpose(tf.matMul(weights, v), [0, 2, 1, 3]), [B, T, H * D]);
};

const plainRotation = (x: Tensor, cos: Tensor, sin: Tensor): Tensor => {
  const y = tf.transpose(x, [0, 2, 1, 3]);
  const [first, second] = tf.split(y, 2, -1) as [Tensor, Tensor];
  return tf.add(tf.mul(y, cos), tf.mul(tf.concat([second, first], -1), sin));
};

const attentions = (): ReadonlyArray<Operation> =>
  differentiated('attention [4, 8, 128, 32]', 'matMul, mul, add, softmax, matMul', [heads, heads, heads], {
    weft: () => {
      const mask = causalMask({ queries: T, keys: T });
      return (q, k, v) => attention(q as Tensor, k as Tensor, v as Tensor, { scale: SCALE, mask });
    },
    tfjs: () => {
      const mask = causalMask({ queries: T, keys: T });
      return (q, k, v) => plainAttention(q as Tensor, k as Tensor, v as Tensor, mask);
    },
  });

const rotations = (): ReadonlyArray<Operation> => {
  const angles = () =>
    rotationOf({ theta: 1e4, dim: D, scaling: { _tag: 'Default' } }, [Array.from({ length: T }, (_, i) => i)]);
  return differentiated('rotate heads [4, 128, 8, 32]', 'transpose, split, concat, mul, add', [[B, T, H, D]], {
    weft: () => {
      const at = angles();
      return (x) => rotateHeads(x as Tensor, at);
    },
    tfjs: () => {
      const { cos, sin } = angles();
      return (x) => plainRotation(x as Tensor, cos, sin);
    },
  });
};

const norms = (): ReadonlyArray<Operation> => [
  ...differentiated('rmsNorm [4, 128, 768]', 'square, mean, rsqrt, mul', [tokens, [768]], {
    weft: () => (x, w) => rmsNorm(x as Tensor, w, EPS),
    tfjs: () => (x, w) => {
      const mean = tf.mean(tf.square(x as Tensor), -1, true);
      return tf.mul(tf.mul(x as Tensor, tf.rsqrt(tf.add(mean, EPS))), w as Tensor);
    },
  }),
  ...differentiated('layerNorm [4, 128, 768]', 'mean, square, rsqrt, mul, add', [tokens, [768], [768]], {
    weft: () => (x, w, b) => layerNorm(x as Tensor, w, b, EPS),
    tfjs: () => (x, w, b) => {
      const centred = tf.sub(x as Tensor, tf.mean(x as Tensor, -1, true));
      const unit = tf.mul(centred, tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), EPS)));
      return tf.add(tf.mul(unit, w as Tensor), b as Tensor);
    },
  }),
];

const activations = (): ReadonlyArray<Operation> => [
  ...differentiated('silu(x) y [4, 128, 2048]', 'sigmoid, mul', [hidden, hidden], {
    weft: () => (x, y) => siluGate(x as Tensor, y as Tensor),
    tfjs: () => (x, y) => tf.mul(tf.mul(x as Tensor, tf.sigmoid(x as Tensor)), y as Tensor),
  }),
  ...differentiated('gelu by tanh [4, 128, 2048]', 'square, mul, add, sigmoid', [hidden], {
    weft: () => (x) => geluTanh(x as Tensor),
    tfjs: () => (x) => {
      const inner = tf.mul(x as Tensor, tf.add(tf.mul(tf.square(x as Tensor), 0.044715), 1));
      return tf.mul(x as Tensor, tf.sigmoid(tf.mul(inner, 2 * Math.sqrt(2 / Math.PI))));
    },
  }),
];

const losses = (): ReadonlyArray<Operation> => {
  const labels = (): Int32Array => Int32Array.from({ length: 512 }, (_, i) => (i * 7919) % 4096);
  return differentiated('cross entropy [512, 4096]', 'logSumExp, mul, oneHot, sum', [[512, 4096]], {
    weft: () => {
      const y = tf.tensor1d(labels(), 'int32');
      return (z) => crossEntropies(z as Tensor, y);
    },
    tfjs: () => {
      const hot = tf.oneHot(tf.tensor1d(labels(), 'int32'), 4096);
      return (z) => tf.sub(tf.logSumExp(z as Tensor, -1), tf.sum(tf.mul(z as Tensor, hot), -1));
    },
  });
};

/** Values and gradients at the sizes of small models. */
export const trainingOperations: ReadonlyArray<Operation> = [
  ...attentions(),
  ...rotations(),
  ...norms(),
  ...activations(),
  ...losses(),
];

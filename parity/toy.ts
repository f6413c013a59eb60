/**
 * Forward passes of the toy models in PEFT's own test matrix, in eval mode.
 *
 * Source: tests/test_custom_models.py of PEFT 0.21. They are models of the tests, not of the library.
 */
import type { ModelWeights } from '../src/adapters/attached.js';
import { convolution } from '../src/models/layers/convolution.js';
import { embedding } from '../src/models/layers/embedding.js';
import { conv1D, linear } from '../src/models/layers/linear.js';
import { multiheadAttention } from '../src/models/layers/multihead-attention.js';
import { layerNorm } from '../src/models/layers/norm.js';
import { parameter } from '../src/models/layers/parameter.js';
import type { ModelSpec, ModuleSpec } from '../src/models/spec.js';
import { matMul } from '../src/ops/mat-mul.js';
import { logSoftmax } from '../src/ops/softmax.js';
import type { Tensor } from '../src/ops/tensor.js';
import { tf } from '../src/ops/tf.js';

type Layer = (x: Tensor) => Tensor;
type Toy = (spec: ModelSpec, p: ModelWeights) => ReadonlyArray<Layer>;

const relu: Layer = (x) => tf.relu(x);
const flat: Layer = (x) => tf.reshape(x, [x.shape[0] as number, -1]);
const float: Layer = (x) => tf.cast(x, 'float32');

const reshape =
  (...shape: ReadonlyArray<number>): Layer =>
  (x) =>
    tf.reshape(x, [...shape]);

/** n copies along the channels. */
const repeat =
  (n: number): Layer =>
  (x) =>
    tf.concat(Array<Tensor>(n).fill(x), 1);

const moduleOf = (spec: ModelSpec, name: string): ModuleSpec => {
  const module = spec.modules.find((m) => m.name === name);
  if (module === undefined) throw new TypeError(`spec: expected a module "${name}"`);
  return module;
};

const lin =
  (p: ModelWeights, name: string): Layer =>
  (x) =>
    linear(p, name, x);

const mlp: Toy = (_, p) => [float, lin(p, 'lin0'), relu, lin(p, 'lin1'), logSoftmax];

/** lin(flat(relu(conv x))), with what comes before the convolution and the names of the layers. */
const convolutional =
  (conv: string, head: string, before: (p: ModelWeights) => ReadonlyArray<Layer>): Toy =>
  (spec, p) => [
    float,
    ...before(p),
    (x) => convolution(p, moduleOf(spec, conv), x),
    relu,
    flat,
    lin(p, head),
    logSoftmax,
  ];

/** x W + b with W [in, out] as a bare parameter. */
const bare =
  (p: ModelWeights, name: string): Layer =>
  (x) =>
    tf.add(matMul(x, parameter(p, `${name}.weight`)), parameter(p, `${name}.bias`));

/** torch's third argument of LayerNorm is eps, and the toys pass the width there. */
const norm =
  (p: ModelWeights, name: string, eps: number): Layer =>
  (x) =>
    layerNorm(p, name, x, eps);

const toys: ReadonlyMap<string, Toy> = new Map<string, Toy>([
  ['MLP', mlp],
  ['MLP2', mlp],
  [
    'MLP_LayerNorm',
    (_, p) => [
      float,
      norm(p, 'layernorm0', 10),
      lin(p, 'lin0'),
      relu,
      norm(p, 'layernorm1', 20),
      lin(p, 'lin1'),
      logSoftmax,
    ],
  ],
  [
    'ModelEmbConv1D',
    (_, p) => [
      (x) => embedding(p, 'emb', tf.cast(x, 'int32')),
      (x) => conv1D(p, 'conv1d', x),
      relu,
      flat,
      lin(p, 'lin0'),
      logSoftmax,
    ],
  ],
  ['ModelConv1D', convolutional('conv1d', 'lin0', () => [reshape(-1, 1, 10)])],
  ['ModelConv1DBigger', convolutional('conv1d', 'lin0', () => [reshape(-1, 1, 10), repeat(64)])],
  ['ModelConv1DGroups', convolutional('conv1d', 'lin0', () => [reshape(-1, 1, 10), repeat(8)])],
  ['ModelConv2D', convolutional('conv2d', 'lin0', () => [reshape(-1, 5, 3, 3)])],
  ['ModelConv2D1x1', convolutional('conv2d', 'lin0', () => [reshape(-1, 1, 3, 3)])],
  ['ModelConv2D2', convolutional('conv2d', 'lin1', (p) => [lin(p, 'lin0'), relu, reshape(-1, 8, 3, 3)])],
  ['ModelConv2DGroups', convolutional('conv2d', 'lin1', (p) => [reshape(1, -1), lin(p, 'lin0'), reshape(2, 16, 3, 3)])],
  ['ModelConv3D', convolutional('conv3d', 'lin0', () => [(x) => tf.stack([x, x, x], -1), reshape(-1, 5, 3, 3, 3)])],
  [
    'ModelMha',
    (spec, p) => [
      float,
      (x) => multiheadAttention(p, 'mha', { query: x, key: x, value: x }, moduleOf(spec, 'mha').heads ?? 1),
      lin(p, 'lin0'),
      logSoftmax,
    ],
  ],
  ['MlpUsingParameters', (_, p) => [float, bare(p, 'lin0'), relu, bare(p, 'lin1'), logSoftmax]],
]);

/**
 * Output of a toy model, or `undefined` when its class is not one of them.
 *
 * @param spec its `className` names the model, as `model` in modules.json
 * @param X the cases' input
 */
export const toyForward = (spec: ModelSpec, weights: ModelWeights, X: Tensor): Tensor | undefined =>
  toys
    .get(spec.className ?? '')?.(spec, weights)
    .reduce((x, layer) => layer(x), X);

/**
 * One layer of every kind as a function of weights, with a random input: what a model's forward pass is made of.
 */
import type { ModelWeights } from '../adapters/attached.js';
import { attentionKey } from '../adapters/branch.js';
import { promptKey } from '../adapters/update.js';
import { shadowKey } from '../adapters/updates/shadow.js';
import { convolution } from '../models/layers/convolution.js';
import { embedding } from '../models/layers/embedding.js';
import { conv1D, linear } from '../models/layers/linear.js';
import { optionalParameter } from '../models/layers/parameter.js';
import { ownerOf, paramKey, type ModelSpec, type ModuleSpec } from '../models/spec.js';
import { tensorOf } from '../ops/backend.js';
import { bits, split, uniform, type Key } from '../ops/random.js';
import { sizeOf, type Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import { runOver, tokenRows } from './running.js';

/** A layer's output as a function of weights, for a fixed input. */
export interface LayerUse {
  /** The module, or the key of a parameter that is looked at on its own. */
  readonly name: string;
  /** Parameters that the output depends on. */
  readonly keys: ReadonlyArray<string>;
  readonly y: (p: ModelWeights) => Tensor;
  /** The same sum with every term taken absolutely, for weights that are magnitudes. */
  readonly bound: (magnitudes: ModelWeights) => Tensor;
  /** Terms in the longest sum. */
  readonly terms: number;
  /** The output is no polynomial of the weights, so that differences need fine steps. */
  readonly bends?: boolean;
}

const keysOf = (m: ModuleSpec): ReadonlyArray<string> => ['weight', 'bias'].map((p) => paramKey(m.name, p));

const ofInput = (m: ModuleSpec, x: Tensor, layer: (p: ModelWeights, x: Tensor) => Tensor): LayerUse => ({
  name: m.name,
  keys: keysOf(m),
  y: (p) => layer(p, x),
  bound: (p) => layer(p, tf.abs(x)),
  terms: (m.params['weight'] ?? []).reduce((n, d) => n + d, 2) + sizeOf((m.params['weight'] ?? []).slice(1)),
});

/** Spatial sizes that give one or two output positions an axis. */
const spatialOf = (key: Key, m: ModuleSpec): ReadonlyArray<number> => {
  const conv = m.conv as NonNullable<ModuleSpec['conv']>;
  const extra = bits(key, conv.kernel.length);
  return conv.kernel.map((k, i) => {
    const reach = (conv.dilation[i] as number) * (k - 1) + 1;
    const least = Math.max(1, reach - 2 * (conv.padding[i] as number));
    return least + ((extra[i] as number) % 2) * (conv.stride[i] as number);
  });
};

const embeddingIds = (key: Key, V: number): Tensor =>
  tensorOf(
    Int32Array.from(bits(key, 5), (b) => b % V),
    [5],
  );

/** Parameters of modules that no layer multiplies with an input: their effective values. */
const parameterUses = (m: ModuleSpec): ReadonlyArray<LayerUse> =>
  Object.keys(m.params).map((param) => {
    const key = paramKey(m.name, param);
    const value = (p: ModelWeights): Tensor =>
      optionalParameter(p, key) ?? tf.zeros([...(m.params[param] as number[])]);
    return { name: key, keys: [key], y: value, bound: value, terms: 0 };
  });

const moduleUses = (spec: ModelSpec, m: ModuleSpec, key: Key): ReadonlyArray<LayerUse> => {
  const [inner, outer] = split(key) as [Key, Key];
  const shape = m.params['weight'] ?? [];
  const owner = ownerOf(spec, paramKey(m.name, 'weight'));
  switch (m.kind) {
    case 'Linear':
      return [
        ofInput(m, uniform(inner, [3, shape[1] as number], -1), (p, x) => linear(p, m.name, x, { tiedTo: owner })),
      ];
    case 'Conv1D':
      return [ofInput(m, uniform(inner, [3, shape[0] as number], -1), (p, x) => conv1D(p, m.name, x))];
    case 'Embedding': {
      const ids = embeddingIds(inner, shape[0] as number);
      return [{ ...ofInput(m, ids, (p) => embedding(p, m.name, ids)), bound: (p) => embedding(p, m.name, ids) }];
    }
    case 'Conv1d':
    case 'Conv2d':
    case 'Conv3d': {
      const channels = (shape[1] as number) * (m.conv?.groups ?? 1);
      const x = uniform(inner, [2, channels, ...spatialOf(outer, m)], -1);
      return [ofInput(m, x, (p, input) => convolution(p, m, input))];
    }
    default:
      return parameterUses(m);
  }
};

/**
 * A use of every module that owns parameters, with inputs drawn from a key.
 *
 * Linear layers of every kind, convolutions and embeddings compute their outputs; other modules (norms, raw parameters,
 * the stacked projections of nn.MultiheadAttention, which its layer reads whole) show their effective parameters.
 */
export const layerUses = (spec: ModelSpec, key: Key): ReadonlyArray<LayerUse> => {
  const keys = split(key, spec.modules.length + 1);
  return spec.modules
    .filter((m) => Object.keys(m.params).length > 0)
    .flatMap((m, i) => moduleUses(spec, m, keys[i] as Key));
};

/** The whole model as one use, where keys stand for more than a parameter: virtual tokens, attention with a prompt, a shadow. */
export const modelUses = (spec: ModelSpec, key: Key, keys: ReadonlyArray<string>): ReadonlyArray<LayerUse> => {
  const attentions = spec.modules.map((m) => attentionKey(m.name)).filter((k) => keys.includes(k));
  const whole = [promptKey, shadowKey];
  if (attentions.length === 0 && !whole.some((k) => keys.includes(k))) return [];
  const rows = tokenRows(spec, key);
  const y = (p: ModelWeights): Tensor => runOver(spec, p, rows).logits;
  return [{ name: 'model', keys: [...whole, ...attentions], y, bound: y, terms: 0, bends: true }];
};

/**
 * Where ShadowPEFT's training starts.
 */
import { E } from '../../../fp.js';
import type { ModelSpec } from '../../../models/spec.js';
import { kaimingUniform, normal, uniform, type Key } from '../../../ops/random.js';
import { lookup, sameShape, showShape, type Shape, type Tensor, type Weights } from '../../../ops/tensor.js';
import { tf } from '../../../ops/tf.js';
import { fail, type Result } from '../../../problem.js';
import { initParams } from '../../init-params.js';
import type { InitContext } from '../../method.js';
import type { ShadowConfig } from './config.js';
import { fileNames, PROJECTION, type ShadowDetail } from './layout.js';

/** The deviation of a model's first weights, as transformers finds it. */
const deviationOf = ({ config }: ModelSpec): number => {
  const given = config['initializer_range'] ?? config['init_std'];
  return typeof given === 'number' && given !== 0 ? given : 0.02;
};

/** Rows, one of them zero as torch's `padding_idx`; a negative number counts from the end. */
const withZeroRow = (table: Tensor, row: unknown): Tensor => {
  const V = table.shape[0] as number;
  if (typeof row !== 'number') return table;
  const at = row < 0 ? V + row : row;
  const kept = Float32Array.from({ length: V }, (_, i) => (i === at ? 0 : 1));
  return tf.mul(table, tf.tensor2d(kept, [V, 1]));
};

/** A parameter of the shadow as its class in transformers starts: `_init_weights`. */
const startModel = (spec: ModelSpec, key: string, k: Key, shape: Shape): Tensor => {
  const dot = key.lastIndexOf('.');
  const [module, param] = [key.slice(0, dot), key.slice(dot + 1)];
  const kind = spec.modules.find((m) => m.name === module)?.kind;
  const std = deviationOf(spec);
  if (kind === 'LayerNorm' || kind === 'RMSNorm') return param === 'bias' ? tf.zeros([...shape]) : tf.ones([...shape]);
  if (module === spec.inputEmbedding && spec.modelType !== 'gpt2')
    return withZeroRow(normal(k, shape, 0, std), spec.config['pad_token_id'] ?? (spec.modelType === 'opt' ? 1 : null));
  // the bias of a router is the one that is drawn
  if (/(^|_)bias$/.test(param) && !module.endsWith('.router')) return tf.zeros([...shape]);
  const layers = spec.config['n_layer'];
  return spec.modelType === 'gpt2' && module.endsWith('.c_proj') && typeof layers === 'number'
    ? normal(k, shape, 0, std / Math.sqrt(2 * layers))
    : normal(k, shape, 0, std);
};

/** As nn.Linear starts; with `init_weights` B is zero, and so is the correction. */
const startLinear = (c: ShadowConfig, role: string, k: Key, shape: Shape, D: number): Tensor => {
  if (role === 'B' && c.init_weights) return tf.zeros([...shape]);
  if (shape.length === 2) return kaimingUniform(k, shape);
  const bound = 1 / Math.sqrt(role.endsWith('b1') ? D : c.update_hidden_size || c.r);
  return uniform(k, shape, -bound, bound);
};

/** Where the weights of a pretrained shadow stand among the base's, by their names in its own checkpoint. */
export const pretrainedKey = (name: string): string => `shadow/${name}`;

/** What a projected checkpoint calls its projection. */
export const PRETRAINED_PROJECTION = 'shadow_hidden_projection.weight';

/** A pretrained parameter as it is. */
const startPretrained = (weights: Weights, name: string, shape: Shape): Result<Tensor> => {
  const key = pretrainedKey(name);
  const W = lookup(weights, key);
  return W !== undefined && sameShape(W.shape, shape)
    ? E.right(tf.clone(W))
    : fail(
        `weights: ${key}`,
        `a tensor ${showShape(shape)} of the shadow's own checkpoint`,
        W === undefined ? 'no such tensor' : showShape(W.shape),
        'shadowFrom puts them there.',
      );
};

/** The shadow as a new model starts, or as it was pretrained; the layers between both models as new linear layers. */
export const initShadow = (c: ShadowConfig, { layout, key, weights }: InitContext<ShadowDetail>): Result<Weights> => {
  const shapes = new Map(layout.params.map((p) => [p.name, p.shape]));
  const pretrained = typeof c.shadow_model !== 'string';
  return initParams(layout, key, weights, ({ detail, tensors }, role, k, shape) => {
    if (detail._tag === 'Block')
      return E.right(startLinear(c, role, k, shape, shapes.get(tensors['A'] ?? '')?.[1] ?? 1));
    if (role === PROJECTION)
      return pretrained && lookup(weights, pretrainedKey(PRETRAINED_PROJECTION)) !== undefined
        ? startPretrained(weights, PRETRAINED_PROJECTION, shape)
        : E.right(kaimingUniform(k, shape));
    return pretrained
      ? startPretrained(weights, (tensors[role] as string).slice(fileNames.backbone.length), shape)
      : E.right(startModel(detail.spec, role, k, shape));
  });
};

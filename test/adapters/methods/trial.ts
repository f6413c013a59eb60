/**
 * Small models, and what becomes of a config on them.
 */
import type { Leaf } from '../../../src/adapters/adapter.js';
import { apply } from '../../../src/adapters/apply.js';
import { isMergeable } from '../../../src/adapters/combine.js';
import { init } from '../../../src/adapters/init.js';
import type { Method } from '../../../src/adapters/method.js';
import { E } from '../../../src/fp.js';
import { parameters, type ModelSpec, type ModuleSpec } from '../../../src/models/spec.js';
import { key, normal, split, type Key } from '../../../src/ops/random.js';
import { recordOf, type Weights } from '../../../src/ops/tensor.js';
import { renderProblems } from '../../../src/problem.js';

/** A linear layer [out, in] with a bias. */
export const linearOf = (name: string, out: number, inputs: number): ModuleSpec => ({
  name,
  kind: 'Linear',
  params: { weight: [out, inputs], bias: [out] },
});

/** A convolution with a kernel of one size for both axes. */
export const convOf = (name: string, out: number, inputs: number, size: number, dilation = 1): ModuleSpec => ({
  name,
  kind: 'Conv2d',
  params: { weight: [out, inputs, size, size] },
  conv: { kernel: [size, size], stride: [1, 1], padding: [0, 0], dilation: [dilation, dilation], groups: 1 },
});

/** A model of some modules. */
export const modelOf = (...modules: ReadonlyArray<ModuleSpec>): ModelSpec => ({
  modelType: undefined,
  className: undefined,
  modules,
  ties: [],
  inputEmbedding: undefined,
  outputEmbedding: undefined,
  fileKeys: {},
  config: {},
});

/** Random weights of a model. */
export const weightsOf = (spec: ModelSpec, seed = 1): Weights => {
  const all = parameters(spec);
  const keys = split(key(seed), all.length);
  return recordOf(all.map(([name, shape], i) => [name, normal(keys[i] as Key, shape)] as const));
};

/** What is wrong with a config on a model, as text; empty where nothing is. */
export const problemsOf = (method: Method, config: Readonly<Record<string, unknown>>, spec: ModelSpec): string => {
  const made = init(method, config, { spec, key: key(0), weights: weightsOf(spec) });
  return E.isLeft(made) ? renderProblems(made.left) : '';
};

/** A new adapter, not at its neutral start where the config says so. */
export const adapterOf = (method: Method, config: Readonly<Record<string, unknown>>, spec: ModelSpec): Leaf => {
  const made = init(method, config, { spec, key: key(7), weights: weightsOf(spec) });
  if (E.isLeft(made)) throw new Error(renderProblems(made.left));
  return made.right;
};

/** Weights with an adapter merged into them. */
export const mergedBy = (leaf: Leaf, weights: Weights): Weights => {
  if (!isMergeable(leaf)) throw new Error(leaf.reasons.join('. '));
  return apply(leaf, weights);
};

/** Shapes of an adapter's tensors by name. */
export const shapesOf = (leaf: Leaf): Readonly<Record<string, ReadonlyArray<number>>> =>
  Object.fromEntries(Object.entries(leaf.params).map(([name, t]) => [name, t.shape]));

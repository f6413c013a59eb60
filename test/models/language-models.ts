/**
 * Language models of the golden cases, ready to run, and what their tests share.
 */
import { readFileSync } from 'node:fs';
import { E } from '../../src/fp.js';
import type { Cache } from '../../src/models/cache.js';
import type { Config } from '../../src/models/config.js';
import type { Inputs, LanguageModel } from '../../src/models/model.js';
import { languageModelOf } from '../../src/models/registry.js';
import { read, scope, tensorOf } from '../../src/ops/backend.js';
import { sizeOf, type Shape, type Tensor, type Weights } from '../../src/ops/tensor.js';
import { renderProblems } from '../../src/problem.js';
import { baseConfig, specOf } from './golden.js';

/** A base model and what is changed in its config.json. */
export interface Variant {
  readonly base: string;
  readonly config: Config;
}

/** Every architecture, and those with sliding windows in all layers and in one. */
export const variants: ReadonlyArray<Variant> = [
  { base: 'llama', config: {} },
  { base: 'mistral', config: { sliding_window: 3 } },
  {
    base: 'qwen2',
    config: { use_sliding_window: true, sliding_window: 2, layer_types: ['sliding_attention', 'full_attention'] },
  },
  { base: 'qwen3', config: {} },
  { base: 'gpt2', config: {} },
  { base: 'opt', config: { activation_function: 'gelu' } }, // smooth, for slopes
  { base: 'gpt_oss', config: { sliding_window: 3 } },
];

/** The model of a base. */
export const modelFor = ({ base, config }: Variant): LanguageModel => {
  const model = languageModelOf(specOf({ ...baseConfig(base), ...config }));
  if (E.isLeft(model)) throw new TypeError(renderProblems(model.left));
  return model.right;
};

/** Rows of integers as a tensor. */
export const integers = (rows: ReadonlyArray<ReadonlyArray<number>>): Tensor =>
  tensorOf(Int32Array.from(rows.flat()), [rows.length, rows[0]?.length ?? 0]);

/** sin(seed + 1.7 i), as in generation.py. */
export const wave = (shape: Shape, seed: number): Tensor =>
  tensorOf(
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(seed + 1.7 * i)),
    shape,
  );

/** A past of n tokens for any batch, as in generation.py. */
export const wavePast = ({ geometry: g }: LanguageModel, n: number): Cache =>
  Array.from({ length: g.layers }, (_, layer) => ({
    k: wave([1, g.keyValueHeads, n, g.headDim], 2 * layer),
    v: wave([1, g.keyValueHeads, n, g.headDim], 2 * layer + 1),
  }));

/** Values of the logits. */
export const logitsOf = (model: LanguageModel, p: Weights, inputs: () => Inputs): Promise<Float32Array> =>
  read(scope(() => model.run(p, inputs()).logits));

/** A JSON file beside generation.py. */
export const goldenJson = <A>(name: string): A =>
  JSON.parse(readFileSync(new URL(`../golden/models/${name}`, import.meta.url), 'utf8')) as A;

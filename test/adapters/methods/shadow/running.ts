/**
 * Golden cases of ShadowPEFT, ready to run.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { readCase, type GoldenCase } from '../../../../parity/case.js';
import { valuesOf } from '../../../../parity/compare.js';
import type { Adapter, Leaf } from '../../../../src/adapters/adapter.js';
import { attach } from '../../../../src/adapters/apply.js';
import { decodeAdapter } from '../../../../src/adapters/decode.js';
import { readWeights } from '../../../../src/io/model.js';
import { prefill, step } from '../../../../src/models/decode.js';
import type { LanguageModel } from '../../../../src/models/model.js';
import { languageModelOf } from '../../../../src/models/registry.js';
import { dispose, read, scope, tensorOf } from '../../../../src/ops/backend.js';
import { type Tensor, type Weights } from '../../../../src/ops/tensor.js';
import { integers } from '../../../models/language-models.js';
import { right } from '../../../setup/result.js';

export type Config = Readonly<Record<string, unknown>>;

export const folderOf = (id: string): string =>
  fileURLToPath(new URL(`../../../golden/cases/lm/${id}`, import.meta.url));

/** Shadows with models of their own. */
export const pretrained = ['gpt2-shadow-projected', 'llama-shadow-opt', 'llama-shadow-qwen3'] as const;

export const detachable = [
  ...pretrained,
  'gpt2-shadow',
  'llama-shadow',
  'llama-shadow-embeddings',
  'llama-shadow-one-block',
  'llama-shadow-sizes',
  'mistral-shadow',
  'opt-shadow',
  'qwen2-shadow',
  'qwen3-shadow',
] as const;

export const ids = [...detachable, 'gpt_oss-shadow'] as const;

/** A case with its model, weights and adapter on the backend. */
export interface Running {
  readonly case: GoldenCase;
  readonly told: { readonly prompts: number[][]; readonly generated: number[][]; readonly detached?: number[][] };
  readonly leaf: Leaf;
  readonly weights: Weights;
  readonly model: LanguageModel;
}

export const running = async (id: string): Promise<Running> => {
  const c = await readCase(folderOf(id));
  return {
    case: c,
    told: JSON.parse(await readFile(join(folderOf(id), 'case.json'), 'utf8')) as Running['told'],
    leaf: right(decodeAdapter(c.files, c.spec)).adapter,
    weights: right(await readWeights({ checkpoint: c.base, spec: c.spec })),
    model: right(languageModelOf(c.spec)),
  };
};

export const free = ({ leaf, weights }: Running): void => [leaf.params, weights].forEach((record) => dispose(record));

export const numbersOf = async (f: () => Tensor): Promise<Float32Array> => {
  const y = scope(f);
  const values = await read(y);
  y.dispose();
  return values;
};

export const close = (actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-4): void => {
  const scale = Array.from(expected).reduce((m, v) => Math.max(m, Math.abs(v)), 1e-6);
  const off = Array.from(expected).reduce((m, v, i) => Math.max(m, Math.abs(v - (actual[i] as number))), 0);
  expect(actual.length).toBe(expected.length);
  expect(off).toBeLessThan(tolerance * scale);
};

export const expectedOf = ({ case: c }: Running, name: string): Float32Array => valuesOf(c.expected.get(name)!);

export const givenOf = ({ case: c }: Running) => {
  const raw = (name: string) => c.expected.get(`input.${name}`)!;
  const of = (name: string): Tensor => tensorOf(Int32Array.from(valuesOf(raw(name))), raw(name).shape);
  return { inputIds: of('input_ids'), attentionMask: of('attention_mask') };
};

export const prompt = [5, 17, 3, 40, 8, 21];

/** Logits of the last token, in one run and token by token behind a part of the prompt. */
export const bothWays = async (
  { model, weights }: Running,
  adapter: Adapter,
): Promise<readonly [Float32Array, Float32Array]> => [
  await numbersOf(() => model.run(attach(adapter, weights), { inputIds: integers([prompt]), logitsToKeep: 1 }).logits),
  await numbersOf(() => {
    const p = attach(adapter, weights);
    const start = prefill(model, p, [prompt.slice(0, -2)]);
    return prompt.slice(-2).reduce((at, id) => step(model, p, [id], at), start).logits;
  }),
];

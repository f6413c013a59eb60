import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { forward } from '../../src/models/registry.js';
import type { Inputs } from '../../src/models/model.js';
import { read } from '../../src/ops/backend.js';
import { recordOf, type Shape, type Weights } from '../../src/ops/tensor.js';
import { tf } from '../../src/ops/tf.js';
import { baseConfig, baseWeights, expected, specOf, upload } from './golden.js';
import { integers, wave } from './language-models.js';

interface Variant {
  readonly name: string;
  readonly base: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly inputIds: ReadonlyArray<ReadonlyArray<number>>;
  readonly attentionMask?: ReadonlyArray<ReadonlyArray<number>>;
  readonly positionIds?: ReadonlyArray<ReadonlyArray<number>>;
  /** Tensors in place of those of the base, or beside them, as generate.py makes them. */
  readonly waves?: Readonly<Record<string, readonly [shape: Shape, scale: number]>>;
  /** The first 8 entries of the vocabulary, [B, T, 8]. */
  readonly logits: ReadonlyArray<ReadonlyArray<ReadonlyArray<number>>>;
}

const variants = JSON.parse(
  readFileSync(new URL('../golden/models/variants.json', import.meta.url), 'utf8'),
) as ReadonlyArray<Variant>;

const weightsOf = ({ base, waves = {} }: Variant): Weights => ({
  ...baseWeights(base),
  ...recordOf(Object.entries(waves).map(([key, [shape, scale]], i) => [key, tf.mul(wave(shape, i), scale)] as const)),
});

describe('forward', () => {
  it.each([
    ['llama', 'llama-lora-default'],
    ['mistral', 'mistral-lora-default'],
    ['qwen2', 'qwen2-lora-default'],
    ['qwen3', 'qwen3-lora-default'],
    ['gpt2', 'gpt2-lora-default'],
    ['opt', 'opt-lora-default'],
    ['gpt_oss', 'gpt_oss-lora-default-moe'],
  ])('%s gives the logits of transformers', async (base, id) => {
    const tensors = expected(`lm/${id}`);
    const at = (name: string) => tensors[name] as NonNullable<(typeof tensors)[string]>;
    const inputs = { inputIds: upload(at('input.input_ids')), attentionMask: upload(at('input.attention_mask')) };
    const logits = forward(specOf(baseConfig(base)), baseWeights(base), inputs);
    expect(logits.shape).toEqual(at('output.base').shape);
    expect(await read(logits)).toBeAllClose(at('output.base').values, { rtol: 1e-5, atol: 1e-5 });
  });

  it.each(variants)('$name gives the logits of transformers', async (v) => {
    const inputs: Inputs = {
      inputIds: integers(v.inputIds),
      attentionMask: v.attentionMask && integers(v.attentionMask),
      positionIds: v.positionIds,
    };
    const logits = forward(specOf({ ...baseConfig(v.base), ...v.config }), weightsOf(v), inputs);
    const [B, T] = logits.shape as [number, number];
    const some = await read(tf.slice(logits, [0, 0, 0], [B, T, 8]));
    expect(some).toBeAllClose(v.logits.flat(2), { rtol: 1e-5, atol: 1e-5 });
  });
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { forward } from '../../src/models/registry.js';
import type { Inputs } from '../../src/models/model.js';
import { read, tensorOf } from '../../src/ops/backend.js';
import { tf } from '../../src/ops/tf.js';
import { baseConfig, baseWeights, expected, specOf, upload } from './golden.js';

interface Variant {
  readonly name: string;
  readonly base: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly inputIds: ReadonlyArray<ReadonlyArray<number>>;
  readonly attentionMask?: ReadonlyArray<ReadonlyArray<number>>;
  readonly positionIds?: ReadonlyArray<ReadonlyArray<number>>;
  /** The first 8 entries of the vocabulary, [B, T, 8]. */
  readonly logits: ReadonlyArray<ReadonlyArray<ReadonlyArray<number>>>;
}

const variants = JSON.parse(
  readFileSync(new URL('../golden/models/variants.json', import.meta.url), 'utf8'),
) as ReadonlyArray<Variant>;

const integers = (rows: ReadonlyArray<ReadonlyArray<number>>) =>
  tensorOf(Int32Array.from(rows.flat()), [rows.length, rows[0]?.length ?? 0]);

describe('forward', () => {
  it.each(['llama', 'mistral', 'qwen2', 'qwen3', 'gpt2'])('%s gives the logits of transformers', async (base) => {
    const tensors = expected(`lm/${base}-lora-default`);
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
    const logits = forward(specOf({ ...baseConfig(v.base), ...v.config }), baseWeights(v.base), inputs);
    const [B, T] = logits.shape as [number, number];
    const some = await read(tf.slice(logits, [0, 0, 0], [B, T, 8]));
    expect(some).toBeAllClose(v.logits.flat(2), { rtol: 1e-5, atol: 1e-5 });
  });
});

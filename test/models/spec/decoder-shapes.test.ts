import { describe, expect, it } from 'vitest';
import { decoderShapes } from '../../../src/models/spec/decoder-shapes.js';
import { renderProblems } from '../../../src/problem.js';
import { problemsOf, right } from '../../setup/result.js';
import { goldenJson } from '../language-models.js';

/** A decoder of transformers. */
interface Decoder {
  readonly model_type: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly shapes: Readonly<Record<string, ReadonlyArray<number>>>;
}

describe("a decoder's parameters", () => {
  it.each(goldenJson<Decoder[]>('shapes.json').map((d) => [d.model_type, JSON.stringify(d.config), d] as const))(
    'are those of transformers (%s %s)',
    (type, _, { config, shapes }) => {
      expect(Object.fromEntries(right(decoderShapes[type]!(config)))).toEqual(shapes);
    },
  );

  it.each([
    ['llama', { num_attention_heads: 3, num_key_value_heads: 2, hidden_size: 12 }, 'a divisor of 3 heads'],
    ['gpt2', { n_embd: 10, n_head: 3 }, 'a multiple of 3 heads'],
    ['opt', { hidden_size: 10, num_attention_heads: 3 }, 'a multiple of 3 heads'],
    ['qwen3', { hidden_size: 0, vocab_size: 'many' }, 'vocab_size'],
  ])('have sizes that fit each other (%s)', (type, config, why) => {
    expect(renderProblems(problemsOf(decoderShapes[type]!(config)))).toContain(why);
  });
});

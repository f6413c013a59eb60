/**
 * Whole language models, for adapters that act on more than one layer's weight: tiny ones of the Llama family.
 */
import * as fc from 'fast-check';
import { E } from '../../fp.js';
import { specOf } from '../../models/spec-of.js';
import type { ModelSpec } from '../../models/spec.js';
import type { Shape } from '../../ops/tensor.js';
import { renderProblems } from '../../problem.js';

/** Sizes of a model. */
interface Sizes {
  readonly layers: number;
  readonly vocabulary: number;
  readonly inner: number;
  readonly headDim: number;
  readonly heads: readonly [queries: number, keys: number];
  readonly tied: boolean;
}

const shapesOf = ({ layers, vocabulary: V, inner, headDim, heads: [H, G], tied }: Sizes) => {
  const D = H * headDim;
  const layer = (i: number): ReadonlyArray<readonly [string, Shape]> => {
    const at = `model.layers.${i}`;
    return [
      [`${at}.self_attn.q_proj.weight`, [D, D]],
      [`${at}.self_attn.k_proj.weight`, [G * headDim, D]],
      [`${at}.self_attn.v_proj.weight`, [G * headDim, D]],
      [`${at}.self_attn.o_proj.weight`, [D, D]],
      [`${at}.mlp.gate_proj.weight`, [inner, D]],
      [`${at}.mlp.up_proj.weight`, [inner, D]],
      [`${at}.mlp.down_proj.weight`, [D, inner]],
      [`${at}.input_layernorm.weight`, [D]],
      [`${at}.post_attention_layernorm.weight`, [D]],
    ];
  };
  return Object.fromEntries([
    ['model.embed_tokens.weight', [V, D] as Shape],
    ...Array.from({ length: layers }, (_, i) => layer(i)).flat(),
    ['model.norm.weight', [D] as Shape],
    ...(tied ? [] : [['lm_head.weight', [V, D] as Shape] as const]),
  ]);
};

const modelOf = (sizes: Sizes): ModelSpec => {
  const spec = specOf(
    {
      model_type: 'llama',
      architectures: ['LlamaForCausalLM'],
      hidden_size: sizes.heads[0] * sizes.headDim,
      intermediate_size: sizes.inner,
      num_hidden_layers: sizes.layers,
      num_attention_heads: sizes.heads[0],
      num_key_value_heads: sizes.heads[1],
      vocab_size: sizes.vocabulary,
      max_position_embeddings: 32,
      tie_word_embeddings: sizes.tied,
    },
    shapesOf(sizes),
  );
  if (E.isLeft(spec)) throw new TypeError(renderProblems(spec.left));
  return spec.right;
};

/** Llamas of one or two layers with grouped queries or without, and a tied head or one of their own. */
export const languageModel: fc.Arbitrary<ModelSpec> = fc
  .record<Sizes>({
    layers: fc.constantFrom(1, 2),
    vocabulary: fc.constantFrom(5, 7),
    inner: fc.constantFrom(3, 5),
    headDim: fc.constantFrom(2, 4),
    heads: fc.constantFrom([2, 1] as const, [1, 1] as const, [2, 2] as const),
    tied: fc.boolean(),
  })
  .map(modelOf);

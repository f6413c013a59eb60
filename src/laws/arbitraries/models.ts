/**
 * Module trees: layers of a few modules each, an embedding, and a head that may share the embedding's matrix.
 */
import * as fc from 'fast-check';
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';
import { matrixShape } from './dimensions.js';
import {
  attentionModule,
  convModule,
  expertsModule,
  inferredModule,
  linearModule,
  normModule,
  type Block,
} from './modules.js';

const container = (name: string): ModuleSpec => ({ name, kind: 'Other', params: {} });

/** Modules that a layer may have beside `q_proj`, by name. */
const optional: Readonly<Record<string, fc.Arbitrary<Block>>> = {
  up_proj: linearModule('up_proj', 'Linear'),
  c_fc: linearModule('c_fc', 'Conv1D'),
  conv: fc.constantFrom(1, 2, 3).chain((axes) => convModule('conv', axes as 1 | 2 | 3, false)),
  grouped: fc.constantFrom(1, 2).chain((axes) => convModule('grouped', axes as 1 | 2, true)),
  attn: attentionModule('attn'),
  experts: expertsModule('experts'),
  guessed: inferredModule('guessed'),
  norm: normModule('norm'),
};

/** One layer: `q_proj` and up to four others. */
const layer: fc.Arbitrary<Block> = fc
  .tuple(linearModule('q_proj', 'Linear'), fc.subarray(Object.keys(optional), { maxLength: 4 }))
  .chain(([first, names]) =>
    fc.tuple(...names.map((name) => optional[name] as fc.Arbitrary<Block>)).map((rest) => [...first, ...rest.flat()]),
  );

const below = (path: string, block: Block): Block => block.map((m) => ({ ...m, name: `${path}.${m.name}` }));

/** What the ends of a model look like. */
type Head = 'tied' | 'own' | 'none';

const ends = (head: Head, [V, D]: readonly [number, number]) => {
  const embedding: ModuleSpec = { name: 'model.embed_tokens', kind: 'Embedding', params: { weight: [V, D] } };
  const lmHead: ModuleSpec = { name: 'lm_head', kind: 'Linear', params: { weight: [V, D] } };
  return {
    embedding,
    heads: head === 'none' ? [] : [lmHead],
    ties: head === 'tied' ? ([['lm_head.weight', 'model.embed_tokens.weight']] as const) : [],
  };
};

/**
 * A model of one or two equal layers with non-square modules of every kind: an embedding, `q_proj` always, up to four other
 * modules, and a tied head, one of its own or none.
 */
export const modelSpec: fc.Arbitrary<ModelSpec> = fc
  .record({
    layer,
    layers: fc.integer({ min: 1, max: 2 }),
    head: fc.constantFrom<Head>('none', 'own', 'tied'),
    vocabulary: matrixShape,
    modelType: fc.constantFrom(undefined, 'llama'),
  })
  .map(({ layer: block, layers, head, vocabulary, modelType }) => {
    const { embedding, heads, ties } = ends(head, vocabulary);
    const numbered = Array.from({ length: layers }, (_, i) => [
      container(`model.layers.${i}`),
      ...below(`model.layers.${i}`, block),
    ]);
    return {
      modelType,
      className: undefined,
      modules: [container(''), container('model'), embedding, container('model.layers'), ...numbered.flat(), ...heads],
      ties,
      inputEmbedding: embedding.name,
      outputEmbedding: heads[0]?.name,
      fileKeys: {},
      config: { num_hidden_layers: layers, tie_word_embeddings: head === 'tied' },
    };
  });

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { E } from '../../src/fp.js';
import { architectureOf, specOf } from '../../src/models/spec-of.js';
import { fileKeyOf, parameters, type ModelSpec } from '../../src/models/spec.js';
import type { Shape } from '../../src/ops/tensor.js';
import { problemsOf, right } from '../setup/result.js';
import { fileOf, linesOf, shapesOf } from './tree-text.js';
import { trees } from './trees.js';

/** Names that ViT has in published files. */
const published = (key: string): string =>
  key
    .replace(/layers\.(\d+)\.attention\.o_proj/, 'layers.$1.attention.output.dense')
    .replace(/attention\.q_proj/, 'attention.attention.query')
    .replace(/attention\.k_proj/, 'attention.attention.key')
    .replace(/attention\.v_proj/, 'attention.attention.value')
    .replace('mlp.fc1', 'intermediate.dense')
    .replace('mlp.fc2', 'output.dense')
    .replace('vit.layers', 'vit.encoder.layer');

const specFrom = (file: Readonly<Record<string, Shape>>, config: Readonly<Record<string, unknown>>): ModelSpec =>
  right(specOf(config, file));

const renameKeys = (
  file: Readonly<Record<string, Shape>>,
  f: (key: string) => string,
): Readonly<Record<string, Shape>> => Object.fromEntries(Object.entries(file).map(([key, shape]) => [f(key), shape]));

const tree = (name: string) => trees[name] as (typeof trees)[string];

describe('specOf', () => {
  it.each(Object.entries(trees))('%s: the tree, ties and embeddings of transformers', (name, t) => {
    const file = name === 'vit' ? renameKeys(fileOf(t), published) : fileOf(t);
    const spec = specFrom(file, t.config);
    expect(linesOf(spec)).toEqual(t.modules);
    expect(spec.ties.toSorted()).toEqual(t.ties);
    expect([spec.inputEmbedding, spec.outputEmbedding]).toEqual([t.input, t.output]);
    expect(spec.className).toBe((t.config['architectures'] as string[])[0]);
    expect(
      parameters(spec)
        .map(([key]) => fileKeyOf(spec, key))
        .toSorted(),
    ).toEqual(Object.keys(file).toSorted());
    expect(spec.modules.some((m) => m.inferred)).toBe(false);
  });

  it('reads a map of tensors as it reads a record of shapes', () => {
    const { config } = tree('llama');
    const file = fileOf(tree('llama'));
    const map = new Map(Object.entries(file).map(([key, shape]) => [key, { shape }]));
    expect(right(specOf(config, map)).modules).toEqual(specFrom(file, config).modules);
  });

  it('keeps stored heads apart from the embedding even where the config ties them', () => {
    const t = tree('qwen3');
    const spec = specFrom({ ...fileOf(t), 'lm_head.weight': [96, 32] }, t.config);
    expect(spec.ties).toEqual([]);
    expect(spec.outputEmbedding).toBe('lm_head');
  });

  it('reads the embedding from the head where only the head is stored', () => {
    const t = tree('qwen3');
    const spec = specFrom(
      renameKeys(fileOf(t), (k) => (k === 'model.embed_tokens.weight' ? 'lm_head.weight' : k)),
      t.config,
    );
    expect(linesOf(spec)).toEqual(t.modules);
    expect(spec.ties).toEqual([['lm_head.weight', 'model.embed_tokens.weight']]);
    expect(fileKeyOf(spec, 'model.embed_tokens.weight')).toBe('lm_head.weight');
  });

  it('reads GPT-2 as published: no prefix, causal masks beside the biases', () => {
    const t = tree('gpt2');
    const file = renameKeys(fileOf(t), (k) => k.replace('transformer.', ''));
    const masks = { 'h.0.attn.bias': [1, 1, 64, 64], 'h.1.attn.bias': [1, 1, 64, 64], 'h.0.attn.masked_bias': [] };
    const spec = specFrom({ ...file, ...masks }, t.config);
    expect(linesOf(spec)).toEqual(t.modules);
    expect(fileKeyOf(spec, 'transformer.h.0.attn.c_attn.bias')).toBe('h.0.attn.c_attn.bias');
    expect(Object.values(spec.fileKeys).some((k) => k.endsWith('.attn.bias'))).toBe(false);
  });

  it('reads BERT as published: gamma and beta, position ids, the pooler and the second head left out', () => {
    const t = tree('bert_mlm');
    const file = renameKeys(fileOf(t), (k) =>
      k.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta'),
    );
    const others = {
      'bert.embeddings.position_ids': [1, 64],
      'bert.pooler.dense.weight': [32, 32],
      'bert.pooler.dense.bias': [32],
      'cls.seq_relationship.weight': [2, 32],
      'cls.seq_relationship.bias': [2],
    };
    const spec = specFrom({ ...file, ...others }, t.config);
    expect(linesOf(spec)).toEqual(t.modules);
    expect(fileKeyOf(spec, 'bert.embeddings.LayerNorm.weight')).toBe('bert.embeddings.LayerNorm.gamma');
  });

  it('reads a file with a head into the base class, and says so where another class is meant', () => {
    const t = tree('bert_mlm');
    const spec = right(specOf(t.config, fileOf(t), 'BertModel'));
    expect(spec.className).toBe('BertModel');
    expect(spec.modules.some((m) => m.name.startsWith('bert') || m.name.startsWith('cls'))).toBe(false);
    expect(fileKeyOf(spec, 'encoder.layer.0.output.dense.weight')).toBe('bert.encoder.layer.0.output.dense.weight');
    expect(spec.inputEmbedding).toBe('embeddings.word_embeddings');
    expect(spec.ties).toEqual([]);
  });

  it('tells convolutions apart and knows how ViT, Whisper and Mamba move them', () => {
    const conv = (name: string, module: string, file = fileOf(tree(name))) =>
      specFrom(file, tree(name).config).modules.find((m) => m.name === module)?.conv;
    expect(conv('vit', 'vit.embeddings.patch_embeddings.projection')).toMatchObject({
      kernel: [4, 4],
      stride: [4, 4],
      groups: 1,
    });
    expect(conv('whisper', 'model.encoder.conv2')).toMatchObject({ kernel: [3], stride: [2], padding: [1] });
    expect(conv('mamba', 'backbone.layers.0.mixer.conv1d')).toMatchObject({ padding: [3], groups: 64 });
  });

  it('marks the experts of GPT-OSS as stored (expert, in, out)', () => {
    const t = tree('gpt_oss');
    const transposed = specFrom(fileOf(t), t.config).modules.filter((m) => m.transposed);
    expect(transposed.map((m) => m.name)).toEqual(['model.layers.0.mlp.experts', 'model.layers.1.mlp.experts']);
  });

  it('infers unknown types from shapes and says that it did', () => {
    const spec = specFrom(
      {
        'net.wte.weight': [10, 4],
        'net.0.weight': [4, 4],
        'net.0.bias': [4],
        'net.10.weight': [4, 4, 3],
        'net.2.weight': [4, 4, 3, 3],
        'net.3.weight': [4, 4, 3, 3, 3],
        'net.norm.weight': [4],
        'net.ln.weight': [4],
        'net.ln.bias': [4],
        'net.attn.in_proj_weight': [12, 4],
        'net.attn.out_proj.weight': [4, 4],
        'net.experts.gate': [2, 4, 4],
        cls_token: [1, 1, 4],
      },
      { model_type: 'unheard-of' },
    );
    expect(linesOf(spec).map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
      '- Parameters',
      'net Other',
      'net.0 Linear',
      'net.2 Conv2d',
      'net.3 Conv3d',
      'net.10 Conv1d',
      'net.wte Embedding',
      'net.norm RMSNorm',
      'net.ln LayerNorm',
      'net.attn MultiheadAttention',
      'net.attn.out_proj Linear',
      'net.experts Parameters',
    ]);
    expect(spec.modules.every((m) => m.inferred === (m.kind === 'Other' ? undefined : true))).toBe(true);
  });

  it('ties the missing head of an unknown causal model when its config says so', () => {
    const file = { 'model.embed_tokens.weight': [9, 4], 'model.norm.weight': [4] };
    const config = { model_type: 'unheard-of', architectures: ['NewForCausalLM'], tie_word_embeddings: true };
    expect(specFrom(file, config).ties).toEqual([['lm_head.weight', 'model.embed_tokens.weight']]);
    expect(specFrom(file, { ...config, tie_word_embeddings: false }).ties).toEqual([]);
  });

  it('collects problems of config.json and of the tensors', () => {
    const wrong = specOf({ model_type: 3, architectures: 'LlamaModel', tie_word_embeddings: 'yes' }, { a: [1] });
    expect(problemsOf(wrong).map((p) => p.at)).toEqual([
      'config.json: model_type',
      'config.json: architectures',
      'config.json: tie_word_embeddings',
    ]);
    expect(problemsOf(specOf({}, {}))).toHaveLength(1);
    expect(problemsOf(specOf({}, { 'a..b': [1] }))).toHaveLength(1);
    expect(problemsOf(specOf({}, { a: [1.5], [`${'a.'.repeat(100)}b`]: [1] }))).toHaveLength(2);
    expect(
      problemsOf(specOf(tree('gpt_oss').config, { 'a.LayerNorm.gamma': [1], 'a.LayerNorm.weight': [1] })),
    ).toHaveLength(1);
  });

  it('never throws, and gives every tensor of an unknown model exactly one parameter', () => {
    const part = fc.constantFrom(
      'a',
      'b',
      '0',
      '1',
      'weight',
      'bias',
      '__proto__',
      'constructor',
      '',
      'LayerNorm',
      'gamma',
    );
    const key = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.'));
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(key, fc.array(fc.nat(9), { maxLength: 6 })), { selector: ([k]) => k, minLength: 1 }),
        (entries) => {
          const result = specOf({}, new Map(entries.map(([k, shape]) => [k, { shape }])));
          if (E.isLeft(result)) return;
          expect(
            parameters(result.right)
              .map(([k]) => fileKeyOf(result.right, k))
              .toSorted(),
          ).toEqual(entries.map(([k]) => k).toSorted());
        },
      ),
      { seed: 3, numRuns: 500 },
    );
  });

  it('knows its rows by own properties only', () => {
    expect(architectureOf('constructor')).toBeUndefined();
    expect(architectureOf('__proto__')).toBeUndefined();
  });

  it('lists the parameters of a tree in the order of torch', () => {
    expect(parameters(specFrom(fileOf(tree('llama')), tree('llama').config))).toEqual(shapesOf(tree('llama')));
  });
});

import { describe, expect, it } from 'vitest';
import { specOf, untie } from '../../../src/models/spec-of.js';
import { parameters } from '../../../src/models/spec.js';
import { right } from '../../setup/result.js';
import { fileOf, shapesOf, type Tree } from '../tree-text.js';
import { trees } from '../trees.js';

const specFor = (base: string) => right(specOf((trees[base] as Tree).config, fileOf(trees[base] as Tree)));

describe('untie', () => {
  it('stores every alias on its own and says so in the config', () => {
    const spec = untie(specFor('t5'));
    expect(spec.ties).toEqual([]);
    expect(parameters(spec)).toEqual(shapesOf(trees['t5'] as Tree));
    expect(spec.config['tie_word_embeddings']).toBe(false);
  });

  it('unties the aliases that are named and leaves the others', () => {
    const spec = untie(specFor('t5'), ['encoder.embed_tokens.weight']);
    expect(spec.ties.map(([alias]) => alias)).toEqual(['decoder.embed_tokens.weight', 'lm_head.weight']);
    expect(spec.config['tie_word_embeddings']).toBe(true);
  });

  it.each([
    [{}, true],
    [{ tie_word_embeddings: true }, true],
    [{ scale_decoder_outputs: false, tie_word_embeddings: true }, false],
  ])('keeps the scale of T5 before its head: %o', (fields, scaled) => {
    const { config } = trees['t5'] as Tree;
    const { scale_decoder_outputs: _, tie_word_embeddings: _tie, ...rest } = config;
    const spec = untie(right(specOf({ ...rest, ...fields }, fileOf(trees['t5'] as Tree))), ['lm_head.weight']);
    expect(spec.config).toMatchObject({ tie_word_embeddings: false, scale_decoder_outputs: scaled });
  });

  it('gives no other model a field of T5', () => {
    expect(untie(specFor('qwen3')).config).not.toHaveProperty('scale_decoder_outputs');
  });

  it('leaves a model without ties as it is', () => {
    const spec = specFor('llama');
    expect(untie(spec)).toEqual(spec);
  });
});

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

  it('leaves a model without ties as it is', () => {
    const spec = specFor('llama');
    expect(untie(spec)).toEqual(spec);
  });
});

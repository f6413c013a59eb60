import { describe, expect, it } from 'vitest';
import { selectTokens } from '../../../src/adapters/targets/tokens.js';
import type { Targeting } from '../../../src/adapters/targets/targeting.js';
import { specOf } from '../../../src/models/spec-of.js';
import { problemsOf, right } from '../../setup/result.js';
import { fileOf, type Tree } from '../../models/tree-text.js';
import { trees } from '../../models/trees.js';

const specFor = (base: string) => right(specOf((trees[base] as Tree).config, fileOf(trees[base] as Tree)));

const select = (
  base: string,
  indices: NonNullable<Targeting['trainable_token_indices']>,
  modules_to_save?: ReadonlyArray<string>,
) => selectTokens({ trainable_token_indices: indices, ...(modules_to_save ? { modules_to_save } : {}) }, specFor(base));

const found = (...args: Parameters<typeof select>) => right(select(...args)).map(([m, rows]) => [m.name, rows]);

describe('selectTokens', () => {
  it('gives a list to the input embedding, whatever its name', () => {
    expect(found('llama', [3, 1])).toEqual([['model.embed_tokens', [3, 1]]]);
    expect(found('gpt2', [0])).toEqual([['transformer.wte', [0]]]);
    expect(found('t5', [0])).toEqual([['shared', [0]]]);
    expect(right(selectTokens({}, specFor('llama')))).toEqual([]);
  });

  it('gives an object to modules by the ends of their names', () => {
    expect(found('llama', { lm_head: [1], embed_tokens: [2] })).toEqual([
      ['lm_head', [1]],
      ['model.embed_tokens', [2]],
    ]);
  });

  it('keeps the owner alone of tied modules with the same rows, and refuses different ones', () => {
    expect(found('qwen3', { lm_head: [1], embed_tokens: [1] })).toEqual([['model.embed_tokens', [1]]]);
    expect(problemsOf(select('qwen3', { lm_head: [1], embed_tokens: [2] }))).toMatchObject([{ unsupported: true }]);
  });

  it('refuses rows outside, rows given twice, unknown names, vectors and modules that are saved as a whole', () => {
    expect(problemsOf(select('llama', [96, -1, 1.5, 2, 2])).map((p) => p.found)).toEqual(['96, -1, 1.5', '2']);
    expect(problemsOf(select('llama', { embed_token: [1] }))[0]?.hint).toContain('embed_tokens');
    expect(problemsOf(select('llama', { 'model.norm': [1] }))[0]?.found).toContain('RMSNorm');
    expect(problemsOf(select('llama', { embed_tokens: [1], nothing: [1] }, ['embed_tokens']))).toHaveLength(2);
  });
});

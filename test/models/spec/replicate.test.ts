import { describe, expect, it } from 'vitest';
import { replicateLayers, specOf } from '../../../src/models/spec-of.js';
import { fileKeyOf, parameters } from '../../../src/models/spec.js';
import { problemsOf, right } from '../../setup/result.js';
import { fileOf, type Tree } from '../tree-text.js';
import { trees } from '../trees.js';

const specFor = (base: string, as?: string) =>
  right(specOf((trees[base] as Tree).config, fileOf(trees[base] as Tree), as));

describe('replicateLayers', () => {
  it('takes layers in order and names where each parameter comes from', () => {
    const base = specFor('qwen3');
    const { spec, sources } = right(
      replicateLayers(base, [
        [0, 2],
        [1, 2],
      ]),
    );
    expect(spec.config['num_hidden_layers']).toBe(3);
    expect(Object.keys(sources)).toEqual(parameters(spec).map(([key]) => key));
    expect(sources['model.layers.2.mlp.up_proj.weight']).toBe('model.layers.1.mlp.up_proj.weight');
    expect(sources['model.embed_tokens.weight']).toBe('model.embed_tokens.weight');
    expect(Object.hasOwn(sources, 'lm_head.weight')).toBe(false);
    expect(spec.ties).toEqual(base.ties);
    const shapes = new Map(parameters(base));
    for (const [key, shape] of parameters(spec)) expect(shape).toEqual(shapes.get(sources[key] as string));
    expect(fileKeyOf(spec, 'model.layers.2.mlp.up_proj.weight')).toBe('model.layers.2.mlp.up_proj.weight');
  });

  it('gives every layer its own place when they are taken once each', () => {
    const base = specFor('llama');
    expect(right(replicateLayers(base, [[0, 2]])).spec).toEqual(base);
  });

  it('drops layers that no range names', () => {
    const { spec, sources } = right(replicateLayers(specFor('llama'), [[1, 2]]));
    expect(spec.modules.some((m) => m.name.startsWith('model.layers.1'))).toBe(false);
    expect(Object.values(sources).some((key) => key.startsWith('model.layers.0'))).toBe(false);
  });

  it('finds the layers of BERT below its prefix, and where PEFT finds none, neither', () => {
    const bert = right(
      replicateLayers(specFor('bert_seqcls'), [
        [0, 1],
        [0, 2],
      ]),
    );
    expect(bert.sources['bert.encoder.layer.2.output.dense.bias']).toBe('bert.encoder.layer.1.output.dense.bias');
    expect(problemsOf(replicateLayers(specFor('gpt2'), [[0, 1]]))).toHaveLength(1);
    expect(
      right(
        replicateLayers(specFor('gpt2', 'GPT2Model'), [
          [0, 1],
          [0, 1],
        ]),
      ).spec.config['n_layer'],
    ).toBe(2);
  });

  it('refuses ranges outside of the model, no layers and far too many, all ranges at once', () => {
    const llama = specFor('llama');
    expect(
      problemsOf(
        replicateLayers(llama, [
          [0, 3],
          [-1, 1],
          [0, 1],
        ]),
      ).map((p) => p.found),
    ).toEqual(['[0, 3]', '[-1, 1]']);
    expect(problemsOf(replicateLayers(llama, [[1, 1]]))).toHaveLength(1);
    expect(
      problemsOf(
        replicateLayers(
          llama,
          Array.from({ length: 6000 }, () => [0, 2] as const),
        ),
      ),
    ).toHaveLength(1);
  });
});

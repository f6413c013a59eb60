import { describe, expect, it } from 'vitest';
import { lnTuning } from '../../../src/adapters/methods/ln-tuning.js';
import type { ModelSpec } from '../../../src/models/spec.js';
import { read } from '../../../src/ops/backend.js';
import { tf } from '../../../src/ops/tf.js';
import { adapterOf, linearOf, mergedBy, modelOf, problemsOf, shapesOf, weightsOf } from './trial.js';

const spec = modelOf(
  { name: 'norm', kind: 'LayerNorm', params: { weight: [4], bias: [4] } },
  { name: 'mlp', kind: 'Other', params: {} },
  linearOf('mlp.up', 6, 4),
  linearOf('mlp.down', 4, 6),
);

describe('LN tuning', () => {
  it.each([
    [{ target_modules: null }, 'this model has no model_type'],
    [{ target_modules: ['nrom'] }, 'norm'],
    [{ target_modules: 3 }, 'target_modules'],
  ])('refuses %j', (config, why) => expect(problemsOf(lnTuning, config, spec)).toContain(why));

  it('copies whole modules; children keep the name of the adapter, as in PEFT', () => {
    expect(shapesOf(adapterOf(lnTuning, { target_modules: ['norm', 'mlp', 'up'] }, spec))).toEqual({
      'base_model.model.norm.ln_tuning_layers.weight': [4],
      'base_model.model.norm.ln_tuning_layers.bias': [4],
      'base_model.model.mlp.ln_tuning_layers.default.up.weight': [6, 4],
      'base_model.model.mlp.ln_tuning_layers.default.up.bias': [6],
      'base_model.model.mlp.ln_tuning_layers.default.down.weight': [4, 6],
      'base_model.model.mlp.ln_tuning_layers.default.down.bias': [4],
    });
  });

  it('starts at the base and replaces it', async () => {
    const weights = weightsOf(spec);
    const leaf = adapterOf(lnTuning, { target_modules: ['norm'] }, spec);
    expect(await read(mergedBy(leaf, weights)['norm.weight']!)).toEqual(await read(weights['norm.weight']!));
    const ones = { ...leaf.params, 'base_model.model.norm.ln_tuning_layers.weight': tf.ones([4]) };
    const merged = mergedBy({ ...leaf, params: ones }, weights);
    expect([...(await read(merged['norm.weight']!))]).toEqual([1, 1, 1, 1]);
    expect(merged['norm.bias']).not.toBe(weights['norm.bias']);
    expect(merged['mlp.up.weight']).toBe(weights['mlp.up.weight']);
  });

  it('parts a tied weight, of which only one side is copied', async () => {
    const tied: ModelSpec = {
      ...modelOf(
        { name: 'embed', kind: 'Embedding', params: { weight: [5, 3] } },
        { name: 'head', kind: 'Linear', params: { weight: [5, 3] } },
      ),
      ties: [['head.weight', 'embed.weight']],
      config: { tie_word_embeddings: true },
    };
    const leaf = adapterOf(lnTuning, { target_modules: ['embed'] }, tied);
    const weights = weightsOf(tied);
    const name = 'base_model.model.embed.ln_tuning_layers.weight';
    const merged = mergedBy({ ...leaf, params: { [name]: tf.zeros([5, 3]) } }, weights);
    expect((await read(merged['embed.weight']!)).every((v) => v === 0)).toBe(true);
    expect(await read(merged['head.weight']!)).toEqual(await read(weights['embed.weight']!));
    expect(leaf.spec.config['tie_word_embeddings']).toBe(false);
  });
});

/**
 * New LoRA adapters: every start of training, on every kind of layer.
 */
import { describe, expect, it } from 'vitest';
import { apply } from '../../src/adapters/apply.js';
import { mergeable } from '../../src/adapters/combine.js';
import { init } from '../../src/adapters/init.js';
import { trainable, withTrainable } from '../../src/adapters/leaf.js';
import { lora } from '../../src/adapters/methods/lora/lora.js';
import type { Leaf } from '../../src/adapters/adapter.js';
import { dispose, numTensors, read, scope } from '../../src/ops/backend.js';
import { key } from '../../src/ops/random.js';
import { mapRecord, type Tensor, type Weights } from '../../src/ops/tensor.js';
import { tf } from '../../src/ops/tf.js';
import { specOf } from '../../src/models/spec-of.js';
import { baseConfig, baseWeights, readTensors } from '../models/golden.js';
import { problemsOf, right } from '../setup/result.js';

const shapes = mapRecord(readTensors('bases/llama/model.safetensors'), ({ shape }) => shape);
const spec = right(specOf(baseConfig('llama'), shapes));

const newLora = (config: Readonly<Record<string, unknown>>, weights: Weights, seed = 1): Leaf =>
  right(init(lora, { r: 4, target_modules: ['q_proj', 'embed_tokens'], ...config }, { spec, key: key(seed), weights }));

/** The largest change of any tensor. */
const change = async (leaf: Leaf, weights: Weights): Promise<number> => {
  const merged = apply(right(mergeable(leaf)), weights);
  let largest = 0;
  for (const [name, W] of Object.entries(merged)) {
    if (W === weights[name]) continue;
    const d = scope(() => tf.max(tf.abs(tf.sub(W, weights[name] as Tensor))));
    largest = Math.max(largest, (await read(d))[0] ?? NaN);
    d.dispose();
  }
  dispose(merged, { keep: weights });
  return largest;
};

describe('init of LoRA', () => {
  it.each([
    ['true', { init_lora_weights: true }],
    ['gaussian', { init_lora_weights: 'gaussian' }],
    ['orthogonal', { init_lora_weights: 'orthogonal', target_modules: ['q_proj', 'v_proj'] }],
    ['true, with DoRA', { use_dora: true }],
    [
      'true, with saved modules, biases and token rows',
      { modules_to_save: ['norm'], trainable_token_indices: { lm_head: [3, 5] } },
    ],
  ])('changes nothing yet: %s', async (_name, config) => {
    const weights = baseWeights('llama');
    // DoRA divides by a norm and multiplies it back
    expect(await change(newLora(config, weights), weights)).toBeLessThan(1e-6);
  });

  it('changes something at once with false', async () => {
    const weights = baseWeights('llama');
    expect(await change(newLora({ init_lora_weights: false }, weights), weights)).toBeGreaterThan(1e-3);
  });

  it('starts A within the bounds of its inputs, and from its key alone', async () => {
    const weights = baseWeights('llama');
    const name = 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight';
    const [a, b, other] = await Promise.all(
      [1, 1, 2].map((seed) => read(newLora({}, weights, seed).params[name] as Tensor)),
    );
    expect(a).toEqual(b);
    expect(a).not.toEqual(other);
    const bound = 1 / Math.sqrt(32);
    expect(Math.max(...(a ?? []).map(Math.abs))).toBeLessThanOrEqual(bound);
    expect(Math.max(...(a ?? []).map(Math.abs))).toBeGreaterThan(0.8 * bound);
  });

  it('gives magnitudes that are the norms of the base', async () => {
    const weights = baseWeights('llama');
    const leaf = newLora({ use_dora: true, target_modules: ['q_proj'] }, weights);
    const m = await read(
      leaf.params['base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector'] as Tensor,
    );
    const W = weights['model.layers.0.self_attn.q_proj.weight'] as Tensor;
    const norms = scope(() => tf.norm(W, 2, 1));
    expect(m).toBeAllClose(await read(norms), { rtol: 1e-6, atol: 0 });
    norms.dispose();
  });

  it('names every tensor as PEFT does, all of them trainable', () => {
    const weights = baseWeights('llama');
    const leaf = newLora({ target_modules: ['q_proj'], layers_to_transform: [1] }, weights);
    const at = 'base_model.model.model.layers.1.self_attn.q_proj';
    expect(Object.keys(leaf.params)).toEqual([`${at}.lora_A.weight`, `${at}.lora_B.weight`]);
    expect(leaf.trainable).toEqual(Object.keys(leaf.params));
  });

  it('keeps no tensors but the parameters', () => {
    const weights = baseWeights('llama');
    const before = numTensors();
    const leaf = newLora({ use_dora: true }, weights);
    expect(numTensors() - before).toBe(Object.keys(leaf.params).length);
    dispose(leaf.params);
    expect(numTensors()).toBe(before);
  });

  it.each([
    [{ r: 0 }, 'adapter_config.json: r'],
    [{ r: 2.5 }, 'adapter_config.json: r'],
    [{ target_modules: ['nothing_here'] }, 'target_modules'],
    [{ init_lora_weights: 'orthogonal', r: 3, target_modules: ['q_proj'] }, 'init_lora_weights'],
    [{ bias: 'some' }, 'adapter_config.json: bias'],
    [{ lora_dropout: 1.5 }, 'adapter_config.json: lora_dropout'],
    [{ use_dora: true, lora_bias: true }, 'lora_bias'],
    [{ layers_pattern: 'layers' }, 'layers_pattern'],
    [{ target_modules: '.*q_proj', layers_to_transform: [0] }, 'layers_to_transform'],
    [{ task_type: 'CHAT' }, 'adapter_config.json: task_type'],
  ])('refuses %j', (config, at) => {
    const result = init(lora, { target_modules: ['q_proj'], ...config }, { spec, key: key(0) });
    const places = problemsOf(result).map((p) => p.at);
    expect(
      places.some((place) => place.includes(at)),
      places.join('; '),
    ).toBe(true);
  });

  it('says that DoRA needs the base weights', () => {
    const result = init(lora, { target_modules: ['q_proj'], use_dora: true }, { spec, key: key(0) });
    expect(problemsOf(result)[0]?.at).toContain('weights: model.layers');
  });
});

describe('trainable parameters', () => {
  it('go out and come back under the same names', () => {
    const weights = baseWeights('llama');
    const leaf = newLora({}, weights);
    const doubled = scope(() => mapRecord(trainable(leaf), (p) => tf.mul(p, 2)));
    const other = withTrainable(leaf, doubled);
    expect(trainable(other)).toEqual(doubled);
    expect(Object.keys(trainable(leaf))).toEqual(Object.keys(doubled));
  });
});

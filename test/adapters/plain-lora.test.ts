import { describe, expect, it } from 'vitest';
import type { Adapter, Leaf, Mergeable } from '../../src/adapters/adapter.js';
import { apply } from '../../src/adapters/apply.js';
import { mergeable } from '../../src/adapters/combine.js';
import { loraGaInit } from '../../src/adapters/inits/lora-ga.js';
import { trainable, withTrainable } from '../../src/adapters/leaf.js';
import { loraLeaf } from '../../src/adapters/lora-leaf.js';
import { lora } from '../../src/adapters/methods/lora/lora.js';
import { oft } from '../../src/adapters/methods/oft.js';
import { hasResidual, plainLora, plainLoraFrom } from '../../src/adapters/plain-lora.js';
import { read } from '../../src/ops/backend.js';
import { key, normal, split, type Key } from '../../src/ops/random.js';
import { mapRecord, recordOf, type Weights } from '../../src/ops/tensor.js';
import { tf } from '../../src/ops/tf.js';
import { torchGenerator } from '../../src/ops/torch-random/index.js';
import { problemsOf, right } from '../setup/result.js';
import { config, golden, options, spec, tensor, weights } from './inits/starts.js';
import { adapterOf, weightsOf } from './methods/trial.js';

/** The adapter moved off its start. */
const trained = (leaf: Leaf): Leaf => {
  const keys = split(key(3), leaf.trainable.length);
  return withTrainable(
    leaf,
    mapRecord(trainable(leaf), (t, name) =>
      tf.add(t, normal(keys[leaf.trainable.indexOf(name)] as Key, t.shape, 0, 0.1)),
    ),
  ) as Leaf;
};

const expectSame = async (a: Adapter, b: Adapter, W: Weights, from: Weights = W): Promise<void> => {
  const [x, y] = [
    apply(right(mergeable(a)) as Adapter<Mergeable>, from),
    apply(right(mergeable(b)) as Adapter<Mergeable>, W),
  ];
  for (const name of Object.keys(W))
    expect(await read(y[name]!), name).toBeAllClose(await read(x[name]!), { atol: 1e-5 });
};

const linear = ['a', 'c', 'e'];

describe('plainLora', () => {
  it.each([
    ['PiSSA', { init_lora_weights: 'pissa' }, undefined],
    ['OLoRA', { init_lora_weights: 'olora' }, undefined],
    ['KaSA', { kasa_config: {} }, linear],
    ['rsLoRA and patterns', { init_lora_weights: 'pissa', use_rslora: true, rank_pattern: { c: 3 } }, undefined],
    ['lora_bias-free OLoRA with alphas', { init_lora_weights: 'olora', alpha_pattern: { a: 7 } }, undefined],
    ['a saved module', { init_lora_weights: 'pissa', modules_to_save: ['e'] }, ['a', 'b']],
  ])('has the effect of %s on the base itself', async (_, more, targets) => {
    const given = { ...config, ...more, target_modules: targets ?? config.target_modules };
    const W = weightsOf(spec);
    const leaf = trained(adapterOf(lora, given, spec));
    expect(hasResidual(leaf)).toBe(true);
    const plain = right(plainLora(leaf, W));
    expect(plain.config).toMatchObject({ r: 4, init_lora_weights: true, kasa_config: null });
    expect(hasResidual(plain)).toBe(false);
    await expectSame(leaf, plain, W);
  });

  it("gives PEFT's config", () => {
    const { trained: factors, ...expected } = golden.plain;
    const tensors = recordOf(
      Object.entries(factors).flatMap(([name, { A, B }]) => [
        [`base_model.model.${name}.lora_A.weight`, tensor(A)] as const,
        [`base_model.model.${name}.lora_B.weight`, tensor(B)] as const,
      ]),
    );
    const given = { ...config, rank_pattern: { c: 3 }, alpha_pattern: { c: 5 }, init_lora_weights: 'pissa' };
    const leaf = right(loraLeaf(given, tensors, { spec, change: undefined }));
    expect(right(plainLora(leaf, weights())).config).toMatchObject(expected);
  });

  it('refuses other adapters, missing weights and DoRA', () => {
    const leaf = adapterOf(lora, { ...config, init_lora_weights: 'pissa' }, spec);
    const why = (adapter: Leaf, W: Weights) => problemsOf(plainLora(adapter, W))[0];
    expect(why(adapterOf(lora, config, spec), weights())?.found).toContain('takes nothing out');
    expect(why(adapterOf(oft, { target_modules: ['a'], r: 2, oft_block_size: 0 }, spec), weights())?.found).toContain(
      'takes nothing',
    );
    const { 'b.weight': _, ...less } = weights();
    expect(why(leaf, less)?.at).toBe('weights: b.weight');
    const dora = adapterOf(lora, { ...config, init_lora_weights: 'pissa', use_dora: true }, spec);
    expect(why(dora, weights())?.found).toBe('DoRA');
    const both = adapterOf(
      lora,
      { ...config, target_modules: linear, init_lora_weights: 'pissa', kasa_config: {} },
      spec,
    );
    expect(why(both, weights())?.found).toBe('two');
  });
});

describe('plainLoraFrom', () => {
  it('has the effect on the base of an adapter on its residual base', async () => {
    const gradients = recordOf(Object.entries(golden.gradients).map(([n, g]) => [`${n}.weight`, tensor(g)] as const));
    const given = options();
    const { adapter, residual } = right(await loraGaInit(config, given, gradients, torchGenerator(1)));
    const moved = trained(adapter);
    await expectSame(moved, right(plainLoraFrom(moved, adapter)), given.weights, residual);
  });

  it('refuses a start of another shape', () => {
    const [one, two] = [adapterOf(lora, config, spec), adapterOf(lora, { ...config, r: 1 }, spec)];
    expect(problemsOf(plainLoraFrom(one, two))[0]?.expected).toBe('factors of the same shapes');
  });
});

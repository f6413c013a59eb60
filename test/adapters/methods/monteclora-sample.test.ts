import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { attach } from '../../../src/adapters/apply.js';
import { compose } from '../../../src/adapters/combine.js';
import { trainable, withTrainable } from '../../../src/adapters/leaf.js';
import { likePeft } from '../../../src/adapters/like-peft.js';
import type { LoraConfig } from '../../../src/adapters/methods/lora/config.js';
import { lora } from '../../../src/adapters/methods/lora/lora.js';
import type { MonteCloraConfig } from '../../../src/adapters/methods/lora/monteclora.js';
import { drawsOf, penaltyOf, sampleOf, type Spread } from '../../../src/adapters/methods/lora/monteclora-sample.js';
import { kasaPenalty, keepSample, monteCloraPenalty } from '../../../src/adapters/methods/lora/penalties.js';
import { conv1D, linear } from '../../../src/models/layers/linear.js';
import { read, tensorOf } from '../../../src/ops/backend.js';
import { key, keyFor, uniform } from '../../../src/ops/random.js';
import { mapRecord, sizeOf, type Shape, type Tensor } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { valueAndGrad } from '../../../src/ops/value-and-grad.js';
import { adapterOf, linearOf, modelOf, weightsOf } from './trial.js';

interface Case {
  readonly config: MonteCloraConfig;
  readonly shape: readonly [number, number];
  readonly scale: number;
  readonly sampled: ReadonlyArray<number>;
  readonly variance: ReadonlyArray<number>;
  readonly weights: ReadonlyArray<number>;
  readonly penalty: number;
  readonly dirichlet: { readonly peft: number; readonly exact: number };
  readonly grads: Readonly<Record<'spread' | 'weightsPrior', ReadonlyArray<number>>>;
}

const cases = JSON.parse(
  readFileSync(new URL('../../golden/monteclora/samples.json', import.meta.url), 'utf8'),
) as ReadonlyArray<Case>;

/** The numbers of the generator: entry i is ((37 i + 11 seed) mod 101) / 50 - 1. */
const made = (seed: number, shape: Shape): Tensor =>
  tensorOf(
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => ((37 * i + 11 * seed) % 101) / 50 - 1),
    shape,
  );

describe.each(cases)("PEFT's MonteCLoRA, case %#", (c) => {
  const { num_samples: n } = c.config;
  const [r, inputs] = c.shape;
  const draws = () => ({
    z: tf.transpose(made(3, [n, inputs, r]), [0, 2, 1]),
    chi: tf.add(made(4, [r]), 1),
    zWeights: made(5, [n]),
  });
  const spread = () => ({
    spread: tf.mul(made(1, [r]), c.scale),
    weightsPrior: tf.mul(made(2, [n]), c.scale),
  });

  it('samples the same A, variances and weights from the same draws', async () => {
    const { noise, variance, weights } = sampleOf(c.config, spread(), draws());
    expect(await read(tf.add(made(6, [r, inputs]), noise))).toBeAllClose(c.sampled, { atol: 1e-5, rtol: 1e-5 });
    expect(await read(variance)).toBeAllClose(c.variance, { atol: 1e-6, rtol: 1e-5 });
    expect(await read(weights)).toBeAllClose(c.weights, { atol: 1e-6, rtol: 1e-5 });
  });

  it('has the same penalty and gradients like PEFT, and the divergence of Dirichlet distributions by itself', async () => {
    const loss = (peft: boolean) => (p: Readonly<Record<string, Tensor>>) => {
      const s = sampleOf(c.config, p as unknown as Spread, draws());
      const used = tf.sum(tf.mul(tf.add(made(6, [r, inputs]), s.noise), made(7, [r, inputs])));
      return tf.add(used, penaltyOf(c.config, p as unknown as Spread, s, peft));
    };
    const { grads } = valueAndGrad(loss(true))({ ...spread() });
    for (const role of ['spread', 'weightsPrior'] as const)
      expect(await read(grads[role] as Tensor), role).toBeAllClose(c.grads[role], { atol: 1e-5, rtol: 1e-4 });
    const penalty = async (peft: boolean) =>
      (await read(penaltyOf(c.config, spread(), sampleOf(c.config, spread(), draws()), peft)))[0] as number;
    expect(await penalty(true)).toBeCloseTo(c.penalty, 5);
    const moved = c.config.kl_loss_weight * (c.dirichlet.exact - c.dirichlet.peft);
    expect((await penalty(false)) - (await penalty(true))).toBeCloseTo(moved, 5);
  });
});

const spec = modelOf(linearOf('a', 6, 10), linearOf('b', 6, 10), {
  name: 'g',
  kind: 'Conv1D' as const,
  params: { weight: [10, 6], bias: [6] },
});
const monteclora_config = { num_samples: 3, sample_scaler: 0.5, use_entropy: true };
const start = adapterOf(lora, { target_modules: ['a', 'b', 'g'], r: 4, monteclora_config }, spec);
/** B starts at zero, and would hide what A samples. */
const leaf = { ...start, params: mapRecord(start.params, (p, n) => (n.includes('lora_B') ? tf.ones(p.shape) : p)) };
const weights = weightsOf(spec);
const x = uniform(key(5), [3, 10], -1);
const training = { training: true, key: key(7) };

describe('MonteCLoRA in training', () => {
  it('adds its sample to A, in both layouts, from the key of the site', async () => {
    for (const name of ['a', 'g'] as const) {
      const y = await read((name === 'a' ? linear : conv1D)(attach(leaf, weights, training), name, x));
      const of = (role: string): Tensor => leaf.params[`base_model.model.${name}.${role}`] as Tensor;
      const config = (leaf.config as LoraConfig).monteclora_config as MonteCloraConfig;
      const { noise } = sampleOf(
        config,
        {
          spread: of('lora_monteclora_sampler.std_prior'),
          weightsPrior: of('lora_monteclora_sampler.expert_weights_prior'),
        },
        drawsOf(keyFor(key(7), `${name}.weight`), config, [4, 10]),
      );
      const A = `base_model.model.${name}.lora_A.weight`;
      const moved = { ...leaf, params: { ...leaf.params, [A]: tf.add(of('lora_A.weight'), noise) } };
      const expected = await read((name === 'a' ? linear : conv1D)(attach(moved, weights), name, x));
      expect(y).toBeAllClose(expected, { atol: 1e-4, rtol: 1e-4 });
      expect(Math.max(...(await read(noise)).map(Math.abs))).toBeGreaterThan(0.1);
    }
  });

  it('takes the mean without a key or outside of training, and other samples for other keys', async () => {
    const of = (routing?: object): Promise<Float32Array> => read(linear(attach(leaf, weights, routing), 'a', x));
    const mean = await of();
    expect(await of({ training: true })).toEqual(mean);
    expect(await of({ key: key(7) })).toEqual(mean);
    expect(await of(training)).toEqual(await of(training));
    expect(await of({ ...training, key: key(8) })).not.toEqual(await of(training));
  });

  it('trains the spread through the pass and the penalty', async () => {
    expect(leaf.trainable).toContain('base_model.model.a.lora_monteclora_sampler.std_prior');
    const of = (f: (adapter: ReturnType<typeof withTrainable>) => Tensor) =>
      valueAndGrad((p) => f(withTrainable(leaf, p)))(trainable(leaf)).grads;
    const passed = of((a) => tf.sum(tf.square(linear(attach(a, weights, training), 'a', x))));
    const penalised = of((a) => monteCloraPenalty(a, key(7)));
    for (const grads of [passed, penalised])
      for (const role of ['std_prior', 'expert_weights_prior']) {
        const g = await read(grads[`base_model.model.a.lora_monteclora_sampler.${role}`] as Tensor);
        expect([...g].every((v) => Number.isFinite(v) && v !== 0)).toBe(true);
      }
  });

  it('has as penalty the mean over layers, and nothing where no layer samples', async () => {
    const value = async (t: Tensor): Promise<number> => (await read(t))[0] as number;
    const alone = (name: string) => ({ ...leaf, sites: leaf.sites.filter((s) => s.module === name) });
    const each = await Promise.all(['a', 'b', 'g'].map((n) => value(monteCloraPenalty(alone(n), key(7)))));
    const mean = each.reduce((sum, v) => sum + v, 0) / 3;
    expect(new Set(each).size).toBe(3);
    expect(await value(monteCloraPenalty(leaf, key(7)))).toBeCloseTo(mean, 4);
    expect(await value(monteCloraPenalty(compose(leaf, leaf), key(7)))).toBeCloseTo(mean, 4);
    expect(await value(monteCloraPenalty(likePeft(leaf), key(7)))).not.toBeCloseTo(mean, 6);
    expect(await value(monteCloraPenalty(adapterOf(lora, { target_modules: ['a'], r: 2 }, spec), key(7)))).toBe(0);
  });

  it('keeps a sample on demand, and leaves the rest as it is', async () => {
    const kept = keepSample(leaf, key(7));
    const at = 'base_model.model.a.lora_monteclora_sampler';
    const w = await read(kept.params[`${at}.expert_weights`] as Tensor);
    expect(w.reduce((sum, v) => sum + v, 0)).toBeCloseTo(1, 5);
    expect(w[0]).not.toBeCloseTo(w[1] as number, 4);
    const v = await read(kept.params[`${at}.gaussian_var_prior`] as Tensor);
    expect([...v].filter((e) => e !== 0)).toHaveLength(4);
    expect([0, 5, 10, 15].every((i) => (v[i] as number) >= 1e-3)).toBe(true);
    expect(kept.params['base_model.model.a.lora_A.weight']).toBe(leaf.params['base_model.model.a.lora_A.weight']);
  });

  it('draws chi squared numbers with r degrees of freedom', async () => {
    const config = { ...((leaf.config as LoraConfig).monteclora_config as MonteCloraConfig), num_samples: 1 };
    const chi = await read(drawsOf(key(3), config, [400, 1]).chi);
    const mean = chi.reduce((sum, v) => sum + v, 0) / 400;
    const variance = chi.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 400;
    expect(Math.abs(mean - 400)).toBeLessThan(6);
    expect(Math.abs(variance / 800 - 1)).toBeLessThan(0.3);
  });
});

describe("KaSA's penalty", () => {
  it('is beta sum q^2 + gamma (|B^T B - I| + |A A^T - I|), over all layers', async () => {
    const kasa_config = { beta: 0.5, gamma: 2 };
    const made = adapterOf(lora, { target_modules: ['a', 'b'], r: 2, kasa_config }, spec);
    const params = mapRecord(made.params, (p, n) => (n.endsWith('lora_diag') ? tf.fill(p.shape, 3) : tf.ones(p.shape)));
    // ones: A A^T is 10 everywhere, B^T B is 6 everywhere
    const gap = (n: number): number => Math.sqrt(2 * (n - 1) ** 2 + 2 * n ** 2);
    const expected = 2 * (0.5 * 18 + 2 * (gap(10) + gap(6)));
    expect((await read(kasaPenalty({ ...made, params })))[0]).toBeCloseTo(expected, 3);
    expect((await read(kasaPenalty(leaf)))[0]).toBe(0);
  });
});

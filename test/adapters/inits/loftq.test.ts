import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loftqInit } from '../../../src/adapters/inits/loftq.js';
import { matrix } from '../../../src/ops/linalg/index.js';
import { throughInt8, throughNf4 } from '../../../src/ops/quantized.js';
import { problemsOf, right } from '../../setup/result.js';
import { config, golden, options, products, residualOf } from './starts.js';

const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.hypot(...Array.from(a, (x, i) => x - (b[i] as number)));

/** Distance of Q + s B A and of Q from W, for a linear layer. */
const losses = async (given: object) => {
  const started = right(await loftqInit({ ...config, ...given }, options()));
  const [W, Q] = [golden.weights['a']!.data, await residualOf(started, 'a')];
  const part = (await products(started.adapter))['a']!;
  return {
    with: distance(
      Q.map((x, i) => x + part[i]!),
      W,
    ),
    without: distance(Q, W),
    Q,
  };
};

describe('nf4', () => {
  it('keeps its own values at any scale, and 0', () => {
    const values = Float32Array.of(1, -1, 0, 0.44070982933044434, -0.09105003625154495, 0.7229568362236023);
    expect(throughNf4(values)).toEqual(values);
    expect(throughNf4(values.map((x) => 4 * x))).toEqual(values.map((x) => 4 * x));
    expect(throughNf4(new Float32Array(3))).toEqual(new Float32Array(3));
  });

  it('has one scale for 64 numbers, and takes the nearest value', () => {
    const values = Float32Array.from({ length: 66 }, (_, i) => (i === 0 ? 100 : i < 64 ? 1 : 0.24));
    const kept = throughNf4(values);
    expect(kept[1]).toBe(0);
    // alone in the second block
    expect(kept.slice(64)).toEqual(values.slice(64));
    expect(throughNf4(Float32Array.of(1, 0.2, 0.21, -0.14))[1]).toBeCloseTo(0.16093020141124725);
    expect(throughNf4(Float32Array.of(1, 0.2, 0.21, -0.14))[2]).toBeCloseTo(0.24611230194568634);
    expect(throughNf4(Float32Array.of(1, 0.2, 0.21, -0.14))[3]).toBeCloseTo(-0.18477343022823334);
  });
});

describe('int8', () => {
  it('is off by half a step at most, and has 255 steps', () =>
    fc.assert(
      fc.property(fc.array(fc.float({ min: -8, max: 8, noNaN: true }), { minLength: 4, maxLength: 4 }), (row) => {
        const step = Math.max(...row.map(Math.abs)) / 127;
        const kept = throughInt8(matrix(2, 4, Float64Array.from([...row, ...row.map((x) => 2 * x)])));
        row.forEach((x, i) => expect(Math.abs(kept[i]! - x)).toBeLessThanOrEqual(step / 2 + 1e-6));
        row.forEach((x, i) => expect(Math.abs(kept[4 + i]! - 2 * x)).toBeLessThanOrEqual(step + 2e-6));
      }),
    ));
});

describe('loftqInit', () => {
  it('quantises the base and takes up the best part of what is lost, whatever alpha is', async () => {
    for (const loftq_bits of [4, 8]) {
      const one = await losses({ loftq_config: { loftq_bits } });
      expect(one.without).toBeGreaterThan(0);
      expect(one.with).toBeLessThan(one.without);
      const strong = await losses({ lora_alpha: 50, loftq_config: { loftq_bits } });
      expect(strong.with).toBeCloseTo(one.with, 4);
    }
  });

  it('comes closer with more rounds, and much closer with 8 bits', async () => {
    const rounds = await Promise.all(
      [1, 5].map((loftq_iter) => losses({ r: 5, loftq_config: { loftq_bits: 4, loftq_iter } })),
    );
    expect(rounds[1]!.with).toBeLessThan(rounds[0]!.with);
    expect((await losses({ loftq_config: { loftq_bits: 8 } })).without).toBeLessThan(rounds[0]!.without / 5);
  });

  it('takes blocks in the order of storage', async () => {
    const started = right(await loftqInit(config, options()));
    expect(await residualOf(started, 'b')).toBeAllClose(throughNf4(Float32Array.from(golden.weights['b']!.data)));
    expect((await losses({})).Q).toBeAllClose(throughNf4(Float32Array.from(golden.weights['a']!.data)));
  });

  it('refuses other bits, no rounds and ranks that are too large', async () => {
    const why = async (given: object) =>
      problemsOf(await loftqInit({ ...config, ...given }, options())).map((p) => p.at);
    expect(await why({ loftq_config: { loftq_bits: 3, loftq_iter: 0 } })).toEqual(['loftq_bits', 'loftq_iter']);
    expect(await why({ r: 30 })).toHaveLength(5);
  });
});

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mixtureOfExperts } from '../../../src/models/layers/experts.js';
import { read, scope, tensorOf } from '../../../src/ops/backend.js';
import type { Weights } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { valueAndGrad } from '../../../src/ops/value-and-grad.js';
import { wave } from '../language-models.js';

const [D, I] = [3, 2];

/** Weights of E experts; units go beyond their bounds. */
const weightsOf = (E: number): Weights => ({
  'm.router.weight': wave([E, D], 1),
  'm.router.bias': wave([E], 2),
  'm.experts.gate_up_proj': tf.mul(wave([E, D, 2 * I], 3), 6),
  'm.experts.gate_up_proj_bias': wave([E, 2 * I], 4),
  'm.experts.down_proj': wave([E, I, D], 5),
  'm.experts.down_proj_bias': wave([E, D], 6),
});

/** sum_e p_e expert_e(x) by its definition, for one token. */
const reference = async (p: Weights, E: number, k: number, x: Float32Array): Promise<ReadonlyArray<number>> => {
  const at = async (name: string) => read(p[`m.${name}`] as tf.Tensor);
  const [R, r] = [await at('router.weight'), await at('router.bias')];
  const [W1, b1] = [await at('experts.gate_up_proj'), await at('experts.gate_up_proj_bias')];
  const [W2, b2] = [await at('experts.down_proj'), await at('experts.down_proj_bias')];
  const sum = (n: number, f: (i: number) => number): number =>
    Array.from({ length: n }, (_, i) => f(i)).reduce((a, b) => a + b, 0);
  const clamp = (v: number, low: number): number => Math.min(Math.max(v, low), 7);
  const logits = Array.from({ length: E }, (_, e) => r[e]! + sum(D, (d) => R[e * D + d]! * x[d]!));
  const chosen = logits
    .map((_, e) => e)
    .toSorted((a, b) => logits[b]! - logits[a]!)
    .slice(0, k);
  const total = sum(k, (j) => Math.exp(logits[chosen[j]!]!));
  const expert = (e: number, out: number): number => {
    const h = (c: number): number => b1[e * 2 * I + c]! + sum(D, (d) => x[d]! * W1[(e * D + d) * 2 * I + c]!);
    return (
      b2[e * D + out]! +
      sum(I, (i) => {
        const [gate, up] = [clamp(h(2 * i), -Infinity), clamp(h(2 * i + 1), -7)];
        return ((up + 1) * gate * W2[(e * I + i) * D + out]!) / (1 + Math.exp(-1.702 * gate));
      })
    );
  };
  return Array.from({ length: D }, (_, out) =>
    sum(k, (j) => (Math.exp(logits[chosen[j]!]!) / total) * expert(chosen[j]!, out)),
  );
};

const sizes = fc
  .record({ E: fc.integer({ min: 1, max: 6 }), n: fc.integer({ min: 1, max: 4 }) })
  .chain(({ E, n }) => fc.record({ E: fc.constant(E), n: fc.constant(n), k: fc.integer({ min: 1, max: E }) }));

describe('mixtureOfExperts', () => {
  it('is the definition, for few tokens (experts gathered) and for many (all experts)', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, async ({ E, n, k }) => {
        const p = weightsOf(E);
        const x = wave([1, n, D], E + k);
        const y = mixtureOfExperts(p, 'm', x, k);
        expect(y.shape).toEqual([1, n, D]);
        const rows = await read(x);
        const wanted = await Promise.all(
          Array.from({ length: n }, (_, i) => reference(p, E, k, rows.slice(i * D, (i + 1) * D))),
        );
        expect(await read(y)).toBeAllClose(wanted.flat(), { rtol: 1e-4, atol: 1e-4 });
      }),
      { numRuns: 30, seed: 3 },
    );
  });

  it.each([1, 2, 5])('has the gradients of its slopes for %d tokens', async (n) => {
    const p = weightsOf(5);
    const x = wave([1, n, D], 9);
    const y = wave([1, n, D], 10);
    const f = (w: Weights) => tf.sum(tf.mul(mixtureOfExperts(w, 'm', w['x'] as tf.Tensor, 2), y));
    const { grads } = valueAndGrad(f)({ ...p, x });
    for (const key of [...Object.keys(p), 'x']) {
      const W = (key === 'x' ? x : p[key]) as tf.Tensor;
      const direction = wave(W.shape, key.length);
      const along = (h: number) => scope(() => f({ ...p, x, [key]: tf.add(W, tf.mul(direction, h)) }));
      const h = 1e-3;
      const [after, before] = [(await read(along(h)))[0]!, (await read(along(-h)))[0]!];
      const slope = await read(tf.sum(tf.mul(grads[key] as tf.Tensor, direction)));
      expect(slope, key).toBeAllClose([(after - before) / (2 * h)], { rtol: 1e-2, atol: 2e-2 });
    }
  });

  it('gives nothing to experts that were not chosen', async () => {
    const x = tensorOf(Float32Array.from([1, 0, 0]), [1, 1, D]);
    for (const rows of [1, 6]) {
      const many = tf.tile(x, [1, rows, 1]);
      const f = (w: Weights) => tf.sum(mixtureOfExperts(w, 'm', many, 1));
      const { grads } = valueAndGrad(f)(weightsOf(4));
      const each = await read(tf.sum(tf.abs(grads['m.experts.down_proj'] as tf.Tensor), [1, 2]));
      expect([...each].filter((g) => g > 0)).toHaveLength(1);
    }
  });
});

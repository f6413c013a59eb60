import { describe, expect, it } from 'vitest';
import { causalCrossEntropy, IGNORED } from '../../src/models/loss.js';
import { read, tensorOf } from '../../src/ops/backend.js';
import { valueAndGrad } from '../../src/ops/value-and-grad.js';
import { expected, upload } from './golden.js';

const [B, T, V] = [2, 3, 5];
const logits = Float32Array.from({ length: B * T * V }, (_, i) => 3 * Math.sin(1.3 * i));

const softmax = (z: Float32Array): ReadonlyArray<number> => {
  const total = z.reduce((sum, x) => sum + Math.exp(x), 0);
  return Array.from(z, (x) => Math.exp(x) / total);
};

/** Position (b, i) with its probabilities and the label that follows it, where that label counts. */
const positions = (labels: ReadonlyArray<number>) =>
  Array.from({ length: B * (T - 1) }, (_, n) => {
    const at = Math.floor(n / (T - 1)) * T + (n % (T - 1));
    return { at, p: softmax(logits.slice(at * V, (at + 1) * V)), label: labels[at + 1] as number };
  }).filter(({ label }) => label !== IGNORED);

const lossOf = async (z: Float32Array, labels: ReadonlyArray<number>) =>
  (await read(causalCrossEntropy(tensorOf(z, [B, T, V]), tensorOf(Int32Array.from(labels), [B, T]))))[0] as number;

describe('causalCrossEntropy', () => {
  it.each(['llama', 'qwen2', 'gpt2'])('is the loss that transformers computes for %s', async (base) => {
    const tensors = expected(`lm/${base}-lora-default`);
    const at = (name: string) => tensors[name] as NonNullable<(typeof tensors)[string]>;
    const loss = causalCrossEntropy(upload(at('output.adapted')), upload(at('input.input_ids')));
    expect(loss.shape).toEqual([]);
    expect(await read(loss)).toBeAllClose(at('lm_loss').values, { rtol: 1e-6 });
  });

  const cases: ReadonlyArray<readonly [string, ReadonlyArray<number>]> = [
    ['all labels', [0, 1, 2, 3, 4, 0]],
    ['ignored labels', [0, IGNORED, 2, 3, 4, IGNORED]],
  ];

  it.each(cases)('is the mean over shifted positions: %s', async (_, labels) => {
    const counted = positions(labels);
    const mean = counted.reduce((sum, { p, label }) => sum - Math.log(p[label] as number), 0) / counted.length;
    expect(await lossOf(logits, labels)).toBeCloseTo(mean, 5);
  });

  it.each(cases)('has the gradient (p - onehot) / n: %s', async (_, labels) => {
    const y = tensorOf(Int32Array.from(labels), [B, T]);
    const { grads } = valueAndGrad((w) => causalCrossEntropy(w['z'] as never, y))({ z: tensorOf(logits, [B, T, V]) });
    const counted = positions(labels);
    const wanted = Array.from({ length: B * T * V }, () => 0);
    for (const { at, p, label } of counted)
      p.forEach((x, v) => (wanted[at * V + v] = (x - (v === label ? 1 : 0)) / counted.length));
    expect(await read(grads['z'] as never)).toBeAllClose(wanted);
  });

  it('stays finite for large logits', async () => {
    const labels = [0, 1, 2, 3, 4, 0];
    const large = logits.map((x) => x * 1000);
    const wanted = positions(labels).map(({ at, label }) => {
      const z = large.slice(at * V, (at + 1) * V);
      return Math.max(...z) - (z[label] as number);
    });
    const mean = wanted.reduce((a, b) => a + b, 0) / wanted.length;
    expect((await lossOf(large, labels)) / mean).toBeCloseTo(1, 5);
  });

  it('is not a number when no label counts', async () => {
    expect(
      await lossOf(
        logits,
        Array.from({ length: B * T }, () => IGNORED),
      ),
    ).toBeNaN();
  });
});

import { describe, expect, it } from 'vitest';
import { shiftRight } from '../../src/models/encoder-decoder.js';
import { runModel } from '../../src/models/any-model.js';
import {
  binaryCrossEntropy,
  causalCrossEntropy,
  crossEntropy,
  IGNORED,
  meanSquaredError,
  spanCrossEntropy,
} from '../../src/models/loss.js';
import { read, tensorOf } from '../../src/ops/backend.js';
import { valueAndGrad } from '../../src/ops/value-and-grad.js';
import { sizeOf, type Shape, type Tensor } from '../../src/ops/tensor.js';
import { expected, upload } from './golden.js';
import { kindOf, kindWeights } from './kinds.js';
import { goldenJson, integers } from './language-models.js';

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

type Labels = ReadonlyArray<number> | ReadonlyArray<ReadonlyArray<number>>;

interface LossCase {
  readonly kind: 'crossEntropy' | 'meanSquaredError' | 'binaryCrossEntropy' | 'spanCrossEntropy';
  readonly base: string;
  readonly labels: Readonly<Record<string, Labels>>;
  readonly shape: Shape;
  readonly logits?: ReadonlyArray<number>;
  readonly loss: number;
  /** The decoder's inputs that these labels give. */
  readonly shifted?: ReadonlyArray<ReadonlyArray<number>>;
}

const losses = { binaryCrossEntropy, crossEntropy, meanSquaredError, spanCrossEntropy };

const golden = goldenJson<ReadonlyArray<LossCase>>('losses.json');

/** Labels as a tensor: classes and places are integers, targets are not. */
const labelled = (kind: LossCase['kind'], labels: Labels): Tensor => {
  const flat = labels.flat();
  const rows = Array.isArray(labels[0]) ? [labels.length, labels[0].length] : [labels.length];
  return tensorOf(
    ['crossEntropy', 'spanCrossEntropy'].includes(kind) ? Int32Array.from(flat) : Float32Array.from(flat),
    rows,
  );
};

describe('losses of classes', () => {
  const withLogits = golden.filter((c) => c.logits !== undefined);

  it.each(withLogits.map((c, i) => [i, c] as const))('%i: are what transformers takes', async (_, c) => {
    const z = tensorOf(Float32Array.from(c.logits!), c.shape);
    const labels = Object.values(c.labels).map((l) => labelled(c.kind, l));
    const loss = (losses[c.kind] as (z: Tensor, ...labels: ReadonlyArray<Tensor>) => Tensor)(z, ...labels);
    expect(loss.shape).toEqual([]);
    expect(await read(loss)).toBeAllClose([c.loss], { rtol: 1e-5 });
  });

  it('of an encoder-decoder are those of labels that the decoder has not read yet', async () => {
    const c = golden.find((g) => g.shifted !== undefined)!;
    const labels = labelled(c.kind, c.labels['labels']!);
    const decoderInputIds = shiftRight(labels, { start: 0, padding: 0 });
    expect([...(await read(decoderInputIds))]).toEqual(c.shifted!.flat());
    const inputIds = integers([
      [31, 52, 45, 53, 85, 76, 12],
      [7, 90, 3, 3, 44, 61, 28],
    ]);
    const y = runModel(kindOf({ base: 't5' }), kindWeights({ base: 't5' }), { inputIds, decoderInputIds });
    expect(await read(crossEntropy(y, labels))).toBeAllClose([c.loss], { rtol: 1e-5 });
  });

  it('replace labels that do not count by padding, and start with the start token', async () => {
    const shifted = shiftRight(integers([[4, IGNORED, 5]]), { start: 7, padding: 9 });
    expect([...(await read(shifted))]).toEqual([7, 4, 9]);
  });

  it.each(['crossEntropy', 'meanSquaredError', 'binaryCrossEntropy'] as const)(
    '%s: its gradient is its slope',
    async (kind) => {
      const shape = [3, 4];
      const z = Float32Array.from({ length: sizeOf(shape) }, (_, i) => 2 * Math.sin(1.3 * i));
      const y =
        kind === 'crossEntropy'
          ? integers([[1, 3, 0]])
          : tensorOf(
              z.map((x) => (Math.sin(5 * x) + 1) / 2),
              shape,
            );
      const lossAt = (x: Tensor): Tensor => losses[kind](x, y);
      const { grads } = valueAndGrad((w) => lossAt(w['x']!))({ x: tensorOf(z, shape) });
      const h = 1e-2;
      const slopes = await Promise.all(
        Array.from(z, async (_, i) => {
          const moved = (d: number) =>
            lossAt(
              tensorOf(
                z.map((v, j) => (i === j ? v + d : v)),
                shape,
              ),
            );
          return ((await read(moved(h)))[0]! - (await read(moved(-h)))[0]!) / (2 * h);
        }),
      );
      expect(await read(grads['x']!)).toBeAllClose(slopes, { atol: 1e-3 });
    },
  );
});

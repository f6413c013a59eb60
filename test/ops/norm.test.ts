import { describe, expect, it } from 'vitest';
import { read, scope, tensorOf } from '../../src/ops/backend.js';
import { layerNorm, rmsNorm } from '../../src/ops/norm.js';
import type { Tensor } from '../../src/ops/tensor.js';
import { numbers } from './arbitrary.js';
import { expectGradient } from './gradients/finite-difference.js';

const [rows, d, eps] = [3, 5, 1e-5];
const x = numbers(1, rows * d, -2, 2);
const weight = numbers(2, d, 0.5, 1.5);
const bias = numbers(3, d);

/** Row by row by a function of the row, in float64. */
const byRow = (f: (row: ReadonlyArray<number>) => (v: number, j: number) => number): number[] =>
  Array.from({ length: rows }, (_, i) => Array.from(x.slice(i * d, (i + 1) * d))).flatMap((row) => row.map(f(row)));

const mean = (row: ReadonlyArray<number>): number => row.reduce((s, v) => s + v, 0) / row.length;

describe('norms', () => {
  it('layerNorm has the mean taken off and unit variance, then scale and shift', async () => {
    const run = (w?: Tensor, b?: Tensor): Promise<Float32Array> =>
      read(scope(() => layerNorm(tensorOf(x, [rows, d]), w, b, eps)));
    const unit = byRow((row) => {
      const m = mean(row);
      const variance = mean(row.map((v) => (v - m) ** 2));
      return (v) => (v - m) / Math.sqrt(variance + eps);
    });
    expect(await run()).toBeAllClose(unit, { atol: 1e-5 });
    const expected = unit.map((v, i) => v * (weight[i % d] as number) + (bias[i % d] as number));
    expect(await run(tensorOf(weight, [d]), tensorOf(bias, [d]))).toBeAllClose(expected, { atol: 1e-5 });
  });

  it('rmsNorm has unit mean square, then scale', async () => {
    const expected = byRow(
      (row) => (v, j) => (v / Math.sqrt(mean(row.map((u) => u * u)) + eps)) * (weight[j] as number),
    );
    const y = scope(() => rmsNorm(tensorOf(x, [rows, d]), tensorOf(weight, [d]), eps));
    expect(await read(y)).toBeAllClose(expected, { atol: 1e-5 });
  });

  it('have gradients in all arguments', async () => {
    const tolerance = { rtol: 1e-2, atol: 1e-2 };
    await expectGradient({
      f: (a, w, b) => layerNorm(a as Tensor, w, b, eps),
      shapes: [[2, 4], [4], [4]],
      seed: 1,
      tolerance,
    });
    await expectGradient({ f: (a, w) => rmsNorm(a as Tensor, w, eps), shapes: [[2, 4], [4]], seed: 2, tolerance });
  });
});

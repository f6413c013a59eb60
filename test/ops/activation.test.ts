import { describe, expect, it } from 'vitest';
import { E } from '../../src/fp.js';
import { activation } from '../../src/ops/activation.js';
import { read, tensorOf } from '../../src/ops/backend.js';
import { expectGradient } from './gradients/finite-difference.js';

const points = [-3, -1, -0.5, 0, 0.5, 1, 3];

/** erf by its series, in float64. */
const erf = (x: number): number => {
  let [term, sum] = [x, x];
  for (let n = 1; n < 60; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
};

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const geluTanh = (x: number): number => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

const definitions: ReadonlyArray<readonly [string, (x: number) => number]> = [
  ['gelu', (x) => (x / 2) * (1 + erf(x / Math.SQRT2))],
  ['gelu_new', geluTanh],
  ['gelu_pytorch_tanh', geluTanh],
  ['gelu_fast', geluTanh],
  ['quick_gelu', (x) => x * sigmoid(1.702 * x)],
  ['silu', (x) => x * sigmoid(x)],
  ['swish', (x) => x * sigmoid(x)],
  ['relu', (x) => Math.max(x, 0)],
  ['relu2', (x) => Math.max(x, 0) ** 2],
  ['sigmoid', sigmoid],
  ['tanh', Math.tanh],
  ['linear', (x) => x],
];

describe('activations', () => {
  it.each(definitions)('%s', async (name, f) => {
    const found = activation(name);
    if (E.isLeft(found)) throw new Error(name);
    expect(await read(found.right(tensorOf(Float32Array.from(points), [points.length])))).toBeAllClose(points.map(f), {
      atol: 3e-6,
    });
    await expectGradient({
      f: (x) => found.right(x as never),
      shapes: [[6]],
      seed: 1,
      range: [-2, 2],
      tolerance: { rtol: 1e-2, atol: 1e-2 },
    });
  });

  it('knows what it does not know', () => {
    for (const name of ['gelu_newer', '__proto__', 'toString']) {
      const found = activation(name);
      expect(E.isLeft(found) && found.left[0].expected).toContain('gelu_new');
      expect(E.isLeft(found) && found.left[0].found).toBe(JSON.stringify(name));
    }
  });
});

/** Operations that are one kernel where the backend has it: values, and gradients of first and second order. */
import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { crossEntropies } from '../../src/ops/cross-entropy.js';
import { hasKernel } from '../../src/ops/has-kernel.js';
import { silu } from '../../src/ops/silu.js';
import { read, tensorOf } from '../../src/ops/backend.js';
import type { Tensor } from '../../src/ops/tensor.js';
import { tf } from '../../src/ops/tf.js';
import { numbers, runs, shapes } from './arbitrary.js';
import { expectGradient, gradientOf } from './gradients/finite-difference.js';
import { fusedKernels } from './without-kernels.js';

const tolerance = inject('backend') === 'webgpu' ? { rtol: 1e-2, atol: 1e-2 } : { rtol: 4e-3, atol: 4e-3 };

it('are kernels on wasm and composed of others elsewhere', () => {
  expect(fusedKernels.map(hasKernel)).toEqual(fusedKernels.map(() => inject('backend') === 'wasm'));
});

describe('silu', () => {
  it('is x sigmoid(x)', async () => {
    const x = numbers(1, 37, -9, 9);
    const y = silu(tensorOf(x, [37]));
    expect(await read(y)).toBeAllClose(
      [...x].map((v) => v / (1 + Math.exp(-v))),
      { rtol: 1e-5, atol: 1e-6 },
    );
  });

  it('has its gradient, and that the next', () =>
    fc.assert(
      fc.asyncProperty(shapes(0, 3), fc.integer(), async (shape, seed) => {
        const at = { shapes: [shape], seed, range: [-4, 4] as const, tolerance };
        await expectGradient({ f: (x) => silu(x as Tensor), ...at });
        await expectGradient({ f: gradientOf((x) => silu(x as Tensor)), ...at });
      }),
      { numRuns: runs(5) },
    ));
});

describe('crossEntropies', () => {
  const labels = (): Tensor => tensorOf(Int32Array.of(0, 4, -100, 2, 7), [5]);
  const rows = [0, 4, undefined, 2, undefined];
  const z = numbers(2, 25, -30, 30);

  it('is log sum exp z - z[label], and 0 without a label', async () => {
    const expected = rows.map((label, i) => {
      if (label === undefined) return 0;
      const row = [...z.subarray(5 * i, 5 * i + 5)];
      const most = Math.max(...row);
      return most + Math.log(row.reduce((sum, v) => sum + Math.exp(v - most), 0)) - row[label]!;
    });
    expect(await read(crossEntropies(tensorOf(z, [5, 5]), labels()))).toBeAllClose(expected, {
      rtol: 1e-5,
      atol: 1e-5,
    });
  });

  it('does not overflow', async () => {
    const y = crossEntropies(
      tensorOf(Float32Array.of(1e30, -1e30, 0, 1000, 1000, 0), [2, 3]),
      tensorOf(Int32Array.of(0, 1), [2]),
    );
    expect(await read(y)).toBeAllClose([0, Math.LN2], { atol: 1e-4 });
  });

  it('has its gradient, and that the next', async () => {
    const f = (x: Tensor | undefined): Tensor => crossEntropies(tf.mul(x as Tensor, 2), labels());
    const at = { shapes: [[5, 5]], seed: 3, tolerance };
    await expectGradient({ f, ...at });
    await expectGradient({ f: gradientOf(f), ...at });
  });
});

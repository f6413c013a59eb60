import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { read, scope, tensorOf } from '../../../src/ops/backend.js';
import { blockCirculant, kron } from '../../../src/ops/linalg/kron.js';
import { sizeOf, type Shape, type Tensor } from '../../../src/ops/tensor.js';
import { numbers, runs, shapes } from '../arbitrary.js';
import { expectGradient } from '../gradients/finite-difference.js';
import { reference, storedTensor } from './reference.js';

describe('kron', () => {
  it.each(reference.kron.map((c) => [c.a.shape, c.b.shape, c] as const))(
    'equals torch: %j and %j',
    async (_p, _q, c) => {
      const y = scope(() => kron(storedTensor(c.a), storedTensor(c.b)));
      expect(y.shape).toEqual(c.c.shape);
      expect(await read(y)).toBeAllClose(c.c.data);
      y.dispose();
    },
  );

  it('is C[i q + j] = A[i] B[j] in each axis', () =>
    fc.assert(
      fc.asyncProperty(shapes(0, 4), shapes(0, 4), fc.integer(), async (p, q, seed) => {
        const [a, b] = [numbers(seed, sizeOf(p)), numbers(seed + 1, sizeOf(q))];
        const y = scope(() => kron(tensorOf(a, p), tensorOf(b, q)));
        const found = await read(y);
        y.dispose();
        const rank = Math.max(p.length, q.length);
        const pad = (s: Shape): Shape => [...Array<number>(rank - s.length).fill(1), ...s];
        const [P, Q] = [pad(p), pad(q)];
        expect(y.shape).toEqual(P.map((d, i) => d * (Q[i] as number)));
        const expected = Array.from({ length: found.length }, (_, flat) => {
          let [rest, i, j, si, sj] = [flat, 0, 0, 1, 1];
          for (let axis = rank - 1; axis >= 0; axis--) {
            const [dp, dq] = [P[axis] as number, Q[axis] as number];
            const x = rest % (dp * dq);
            rest = Math.floor(rest / (dp * dq));
            i += Math.floor(x / dq) * si;
            j += (x % dq) * sj;
            si *= dp;
            sj *= dq;
          }
          return (a[i] as number) * (b[j] as number);
        });
        expect(found).toBeAllClose(expected);
      }),
      { numRuns: runs(60) },
    ));

  it.each([
    [
      [2, 3],
      [3, 2],
    ],
    [
      [2, 2, 1, 1],
      [1, 2, 2, 2],
    ],
    [[2], [2, 2]],
  ] as ReadonlyArray<readonly [Shape, Shape]>)('gradient of %j and %j', (p, q) =>
    expectGradient({ f: (a, b) => kron(a as Tensor, b as Tensor), shapes: [p, q], seed: 1 }),
  );
});

describe('blockCirculant', () => {
  it('equals PEFT', async () => {
    const y = scope(() => blockCirculant(storedTensor(reference.c3a.w)));
    expect(y.shape).toEqual(reference.c3a.c.shape);
    expect(await read(y)).toBeAllClose(reference.c3a.c.data);
    y.dispose();
  });

  it('has its kernel in the first row of each block, turned to the right below', async () => {
    const y = scope(() => blockCirculant(tensorOf(Float32Array.of(1, 2, 3), [1, 1, 3])));
    expect([...(await read(y))]).toEqual([1, 2, 3, 3, 1, 2, 2, 3, 1]);
    y.dispose();
  });

  it('gradient', () => expectGradient({ f: (w) => blockCirculant(w as Tensor), shapes: [[2, 2, 3]], seed: 2 }));
});

/** Products that kernels are tested with. */
import fc from 'fast-check';
import type { Change, Factor, Gemm, Place, Sizes } from '../../../src/ops/kernels/gemm-reference.js';
import { numbers } from '../arbitrary.js';

/** Where the first factor lies in the memory. */
export const FIRST = 2 ** 21;

/** A product, and what lies around it. */
export interface Case {
  readonly sizes: Sizes;
  readonly a: Factor;
  readonly b: Factor;
  readonly c: Place;
  readonly adds: boolean;
  readonly change: Change | undefined;
  readonly seed: number;
}

/** Sizes around the ends of tiles and blocks. */
const size = (block: number): fc.Arbitrary<number> =>
  fc.oneof(
    fc.integer({ min: 1, max: 26 }),
    fc.integer({ min: 1, max: 26 }),
    fc.integer({ min: block - 2, max: block + 9 }),
  );

/** Elements that a matrix takes. */
const extent = (rows: number, columns: number, stride: number): number => (rows - 1) * stride + columns;

/** Products of any sizes, transposes, strides and ends. */
export const cases: fc.Arbitrary<Case> = fc
  .record({
    m: size(96),
    n: size(32),
    k: size(256),
    tA: fc.boolean(),
    tB: fc.boolean(),
    gaps: fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 3 }), fc.nat({ max: 3 })),
    ends: fc.constantFrom('sets', 'adds', 'changes', 'changes by a factor'),
    s: fc.constantFrom(1, -2, 0.3),
    seed: fc.integer(),
  })
  .map(({ m, n, k, tA, tB, gaps, ends, s, seed }) => {
    const strides = [(tA ? m : k) + gaps[0], (tB ? k : n) + gaps[1], n + gaps[2]] as const;
    const a = { at: FIRST + 4, stride: strides[0], transposed: tA };
    const endA = a.at + 4 * extent(tA ? k : m, tA ? m : k, strides[0]);
    const b = { at: endA + 4, stride: strides[1], transposed: tB };
    const endB = b.at + 4 * extent(tB ? n : k, tB ? k : n, strides[1]);
    const [W, F] = [endB + 4, endB + 4 * (m * strides[2] + 2)];
    const change = ends === 'changes' ? { W, s } : ends === 'changes by a factor' ? { W, F, s } : undefined;
    const at = change === undefined ? endB + 8 : F + 4 * (m * strides[2] + 2);
    return { sizes: { m, n, k }, a, b, c: { at, stride: strides[2] }, adds: ends === 'adds', change, seed };
  });

/** Everything from the factors on after a product in a memory: nothing but C may change. */
export const afterOn =
  (memory: WebAssembly.Memory) =>
  (gemm: Gemm, { sizes, a, b, c, adds, change, seed }: Case): Float32Array => {
    const all = new Float32Array(memory.buffer, FIRST, (c.at - FIRST) / 4 + sizes.m * c.stride + 8);
    all.set(numbers(seed, all.length));
    gemm(sizes, a, b, c, adds, change);
    return all.slice();
  };

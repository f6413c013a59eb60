/**
 * Numbers and shapes for the tests of operations.
 */
import fc from 'fast-check';
import { inject } from 'vitest';
import type { Shape } from '../../src/ops/tensor.js';

/** Number of runs of a property; a tenth of it on webgpu, whose software adapter is slow. */
export const runs = (n: number): number => (inject('backend') === 'webgpu' ? Math.ceil(n / 10) : n);

/** `n` numbers in [lo, hi), the same for the same seed (a 32-bit mixing function over a counter). */
export const numbers = (seed: number, n: number, lo = -1, hi = 1): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => {
    let h = Math.imul(seed | 0, 0x9e3779b1) ^ Math.imul(i + 1, 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 16), 0x21f0aaad);
    h = Math.imul(h ^ (h >>> 15), 0x735a2d97);
    return lo + ((h ^ (h >>> 15)) >>> 0) * 2 ** -32 * (hi - lo);
  });

/** Shapes with ranks in [min, max] and sizes in [1, 3]. */
export const shapes = (min: number, max: number): fc.Arbitrary<Shape> =>
  fc.array(fc.integer({ min: 1, max: 3 }), { minLength: min, maxLength: max });

/** Two shapes that broadcast: each axis is full, or 1 in one of them; one may lack leading axes. */
export const broadcastPairs: fc.Arbitrary<readonly [Shape, Shape]> = fc
  .tuple(
    fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.constantFrom('both', 'a', 'b')), { maxLength: 3 }),
    fc.nat({ max: 2 }),
    fc.boolean(),
  )
  .map(([axes, drop, swap]) => {
    const a = axes.map(([d, side]) => (side === 'b' ? 1 : d));
    const b = axes.map(([d, side]) => (side === 'a' ? 1 : d)).slice(drop);
    return swap ? ([b, a] as const) : ([a, b] as const);
  });

import { describe, expect, it } from 'vitest';
import { inverseFft, radicesOf } from '../../../src/ops/linalg/fft.js';
import { numbers } from '../arbitrary.js';

describe('radicesOf', () => {
  it.each([
    [1, []],
    [2, [2]],
    [32, [4, 4, 2]],
    [768, [4, 4, 4, 4, 3]],
    [61, [61]],
    [67, undefined],
    [4 * 67, undefined],
    [45, [3, 3, 5]],
  ] as const)('%d', (n, radices) => expect(radicesOf(n)).toEqual(radices));
});

describe('inverseFft', () => {
  it.each([1, 2, 3, 4, 5, 8, 12, 16, 30, 43, 61, 64, 128, 210])('is its sum for %d elements', (n) => {
    const transform = inverseFft(n);
    // twice, since rows are reused
    for (const seed of [1, 2]) {
      const [re, im] = [Float64Array.from(numbers(seed, n)), Float64Array.from(numbers(seed + 9, n))];
      const term = (q: number, part: (angle: number) => readonly [number, number]): number =>
        re.reduce((sum, x, v) => {
          const [a, b] = part((2 * Math.PI * ((v * q) % n)) / n);
          return sum + x * a + (im[v] as number) * b;
        }, 0);
      const expectedRe = Array.from({ length: n }, (_, q) => term(q, (t) => [Math.cos(t), -Math.sin(t)]));
      const expectedIm = Array.from({ length: n }, (_, q) => term(q, (t) => [Math.sin(t), Math.cos(t)]));
      const z = transform({ re: re.slice(), im: im.slice() });
      z.re.forEach((x, q) => expect(x).toBeCloseTo(expectedRe[q] as number, 10));
      z.im.forEach((x, q) => expect(x).toBeCloseTo(expectedIm[q] as number, 10));
    }
  });

  it('refuses large prime factors', () => expect(() => inverseFft(67)).toThrow(RangeError));
});

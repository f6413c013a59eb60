import { describe, expect, it } from 'vitest';
import { fftRoom, inverseFft, radicesOf } from '../../../src/ops/linalg/fft.js';
import { withRoom } from '../../../src/ops/kernels/linalg.js';
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
  it.each([1, 2, 3, 4, 5, 8, 12, 16, 30, 43, 61, 64, 128, 143, 172, 210])('is its sum for %d elements', (n) => {
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

  it.each([43, 143, 172, 344, 1001])('has the same bits on the memory of a kernel for %d elements', (n) => {
    const row = () => ({ re: Float64Array.from(numbers(3, n)), im: Float64Array.from(numbers(4, n)) });
    const onKernel = withRoom(fftRoom(n), () => inverseFft(n)(row()));
    expect(onKernel).toEqual(inverseFft(n)(row()));
  });

  it('refuses large prime factors', () => expect(() => inverseFft(67)).toThrow(RangeError));
});

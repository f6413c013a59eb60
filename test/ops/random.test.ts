import { describe, expect, it } from 'vitest';
import { read } from '../../src/ops/backend.js';
import {
  bits,
  foldIn,
  key,
  keyFor,
  normal,
  normalValues,
  split,
  uniform,
  uniformValues,
} from '../../src/ops/random.js';
import { threefry2x32 } from '../../src/ops/threefry.js';

describe('threefry2x32', () => {
  // Known answers of Random123 (kat_vectors), 20 rounds: key, counter, result.
  it.each([
    [
      [0, 0],
      [0, 0],
      [0x6b200159, 0x99ba4efe],
    ],
    [
      [0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x1cb996fc, 0xbb002be7],
    ],
    [
      [0x13198a2e, 0x03707344],
      [0x243f6a88, 0x85a308d3],
      [0xc4923a9c, 0x483df7a0],
    ],
  ] as ReadonlyArray<readonly [[number, number], [number, number], [number, number]]>)(
    'of %j and %j',
    (k, counter, expected) => {
      expect(threefry2x32(k, counter)).toEqual(expected);
    },
  );
});

describe('keys', () => {
  it('are the two halves of a seed', () => {
    expect(key(7)).toEqual([0, 7]);
    expect(key(2 ** 32 + 5)).toEqual([1, 5]);
    expect(() => key(-1)).toThrow(RangeError);
    expect(() => key(0.5)).toThrow(RangeError);
  });

  it("split as JAX's do", () => {
    expect(split(key(0))).toEqual([
      [1797259609, 2579123966],
      [928981903, 3453687069],
    ]);
  });

  it('are folded with numbers as they split, and with names by FNV-1a', () => {
    expect(foldIn(key(3), 2)).toEqual(split(key(3), 3)[2]);
    // the hash's known answer for "a"
    expect(keyFor(key(3), 'a')).toEqual(foldIn(key(3), 0xe40c292c));
    expect(keyFor(key(3), 'b')).not.toEqual(keyFor(key(3), 'a'));
  });

  it('give prefixes of the same keys for any number of them', () => {
    expect(split(key(3), 5).slice(0, 2)).toEqual(split(key(3), 2));
  });
});

describe('draws', () => {
  it("of uniform numbers are JAX's", () => {
    expect(uniformValues(key(0), 3)).toBeAllClose([0.947667, 0.9785799, 0.33229148], { rtol: 1e-7 });
  });

  it('stay as they are', () => {
    expect([...bits(key(42), 3)]).toEqual([2098992034, 2919706841, 2646866425]);
    expect(normalValues(key(0), 4)).toBeAllClose([-1.06545246, 0.58369493, -0.17815362, 0.82857805], { rtol: 1e-6 });
  });

  it('repeat for one key and differ for others', async () => {
    const [a, b] = split(key(1)) as [readonly [number, number], readonly [number, number]];
    const draw = (k: readonly [number, number]): Promise<Float32Array> => read(uniform(k, [2, 3]));
    expect(await draw(a)).toEqual(await draw(a));
    expect(await draw(a)).not.toEqual(await draw(b));
  });

  it('lie in their interval, and have mean and variance of their distribution', async () => {
    const n = 20000;
    const u = uniformValues(key(5), n, -2, 3);
    expect(u.every((v) => v >= -2 && v < 3)).toBe(true);
    const moments = (x: Float32Array): readonly [number, number] => {
      const mean = x.reduce((s, v) => s + v, 0) / n;
      return [mean, x.reduce((s, v) => s + (v - mean) ** 2, 0) / n];
    };
    // Bounds are five standard errors.
    expect(moments(u)).toBeAllClose([0.5, 25 / 12], { rtol: 0, atol: 0.08 });
    expect(moments(normalValues(key(6), n, 1, 2))).toBeAllClose([1, 4], { rtol: 0, atol: 0.2 });
    const t = normal(key(6), [3, 2], 1, 2);
    expect(t.shape).toEqual([3, 2]);
    expect(await read(t)).toEqual(normalValues(key(6), 6, 1, 2));
  });
});

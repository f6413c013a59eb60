import { describe, expect, it } from 'vitest';
import { daubechies, symlet } from '../../../src/ops/wavelets/daubechies.js';
import { waveletBank, waveletNames } from '../../../src/ops/wavelets/filters.js';

const dot = (a: Float64Array, b: Float64Array, shift: number): number =>
  a.reduce((sum, x, i) => sum + x * (b[i + shift] ?? 0), 0);

/** sum_t (t - centre)^p high[t], in terms of the largest summand. */
const moment = (h: Float64Array, p: number): number => {
  const terms = [...h].map((x, t) => x * (t / h.length - 0.5) ** p);
  return Math.abs(terms.reduce((a, b) => a + b, 0)) / Math.max(...terms.map(Math.abs));
};

describe('wavelet filters', () => {
  it.each(waveletNames.map((name) => [name]))(
    '%s is orthogonal, and its high band takes out what is smooth',
    (name) => {
      const { low, high } = waveletBank(name);
      const [family = '', order = ''] = /^([a-z]+)(\d+)$/.exec(name)!.slice(1);
      expect(low.reduce((a, b) => a + b)).toBeCloseTo(Math.SQRT2, 11);
      for (let shift = 0; shift < low.length; shift += 2) {
        expect(Math.abs(dot(low, low, shift) - (shift === 0 ? 1 : 0))).toBeLessThan(1e-11);
        expect(Math.abs(dot(high, high, shift) - (shift === 0 ? 1 : 0))).toBeLessThan(1e-11);
        expect(Math.abs(dot(low, high, shift))).toBeLessThan(1e-11);
      }
      const moments = family === 'coif' ? 2 * Number(order) : Number(order);
      expect(low.length).toBe(family === 'coif' ? 6 * Number(order) : 2 * Number(order));
      for (let p = 0; p < Math.min(moments, 8); p++) expect(moment(high, p)).toBeLessThan(1e-9);
    },
  );

  it('are those of closed forms', () => {
    const r = Math.sqrt(3);
    const db2 = [1 + r, 3 + r, 3 - r, 1 - r].map((x) => x / (4 * Math.SQRT2));
    daubechies(2).forEach((x, i) => expect(x).toBeCloseTo(db2[i]!, 15));
    daubechies(1).forEach((x) => expect(x).toBeCloseTo(Math.SQRT1_2, 15));
    const q = Math.sqrt(7);
    const coif1 = [1 - q, 5 + q, 14 + 2 * q, 14 - 2 * q, 1 - q, -3 + q].map((x) => x / (16 * Math.SQRT2));
    waveletBank('coif1').low.forEach((x, i) => expect(x).toBeCloseTo(coif1[i]!, 12));
  });

  it('have the energy of extremal phase in front, and in the middle where they are least asymmetric', () => {
    const centre = (h: Float64Array): number => h.reduce((sum, x, i) => sum + i * x * x, 0);
    for (let N = 4; N <= 20; N++) {
      const off = (h: Float64Array): number => centre(h) - (N - 0.5);
      expect(off(daubechies(N))).toBeLessThan(-0.5);
      expect(Math.abs(off(symlet(N)))).toBeLessThan(-off(daubechies(N)));
    }
  });

  it('are the same value each time, and unknown names are refused', () => {
    expect(waveletBank('db7')).toBe(waveletBank('db7'));
    for (const name of ['haar', 'db0', 'db39', 'sym1', 'coif18', 'DB2', '__proto__'])
      expect(() => waveletBank(name)).toThrow(RangeError);
  });
});

import { describe, expect, it } from 'vitest';
import { read } from '../../../src/ops/backend.js';
import { tf } from '../../../src/ops/tf.js';
import { waveletBank } from '../../../src/ops/wavelets/filters.js';
import { synthesize } from '../../../src/ops/wavelets/synthesis.js';

/** Places in the spectrum, two of them in one row and overlapping. */
const at = { index: Int32Array.of(0, 1, 2, 1), high: Uint8Array.of(0, 1, 0, 1) };
const across = { index: Int32Array.of(1, 0, 2, 1), high: Uint8Array.of(1, 1, 0, 0) };
const c = [1, -2, 0.5, 3];

describe('synthesize', () => {
  it.each([
    ['db1', 0, 5],
    ['db1', 1, 5],
    ['db2', 0, 4],
    ['sym4', 1, 3],
    ['coif1', 0, 6],
  ])('%s from output %i: sums of shifted filters', async (name, start, size) => {
    const bank = waveletBank(name);
    const L = bank.low.length;
    const bands = (size + start + L) / 2 + 2;
    const axis = { bands: Math.ceil(bands), start, size };
    const wide = { ...axis, size: size - 1 };
    const y = synthesize(tf.tensor1d(c), bank, { at, axis }, { at: across, axis: wide });
    const tap = (places: typeof at, i: number, output: number): number =>
      (places.high[i] === 1 ? bank.high : bank.low)[output + start + L - 2 - 2 * places.index[i]!] ?? 0;
    const expected = Array.from({ length: size * (size - 1) }, (_, k) => {
      const [row, column] = [Math.floor(k / (size - 1)), k % (size - 1)];
      return c.reduce((sum, x, i) => sum + x * tap(at, i, row) * tap(across, i, column), 0);
    });
    expect(y.shape).toEqual([size, size - 1]);
    expect(await read(y)).toBeAllClose(Float32Array.from(expected), { atol: 1e-6 });
  });
});

/** The kernels of elements and rows against float64. */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { relaxedWasm, source, wasm } from '../../../src/ops/kernels/elements-wasm.js';
import { openElements, type Elements } from '../../../src/ops/kernels/elements.js';
import { runs } from '../../../src/ops/kernels/instantiate.js';
import { numbers } from '../arbitrary.js';

const memory = new WebAssembly.Memory({ initial: 16 });
const builds = [
  ['plain', (await openElements(memory)) as Elements],
  ['relaxed', (await openElements(memory, true)) as Elements],
] as const;
const [X, Y, Z] = [1024, 2 ** 18, 2 ** 19];

/** Values brought to a place, with one more behind them that nothing may change. */
const put = (at: number, values: ArrayLike<number>): void => {
  const view = new Float32Array(memory.buffer, at, values.length + 1);
  view.set(values);
  view[values.length] = 7;
};

const got = (at: number, n: number): Float32Array => {
  const view = new Float32Array(memory.buffer, at, n + 1);
  expect(view[n]).toBe(7);
  return view.slice(0, n);
};

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Softmax of a row in float64. */
const softmax = (row: ReadonlyArray<number>): number[] => {
  const m = Math.max(...row);
  const exps = row.map((x) => Math.exp(x - m));
  const sum = exps.reduce((a, b) => a + b, 0);
  return exps.map((x) => x / sum);
};

const rowsOf = fc.record({
  rows: fc.integer({ min: 1, max: 5 }),
  n: fc.integer({ min: 1, max: 23 }),
  size: fc.constantFrom(1, 10, 300),
  seed: fc.integer(),
});

const split = (values: Float32Array, n: number): number[][] =>
  Array.from({ length: values.length / n }, (_, i) => [...values.subarray(i * n, (i + 1) * n)]);

/** Relative error of e^(x - m): that of the function, and of the difference. */
const within = (size: number) => ({ rtol: 1e-6 + size * 2 ** -22, atol: 1e-30 });

describe('the kernels of elements', () => {
  it('are compiled from the source that lies here, and bring no data into the memory', () => {
    const folder = new URL('../../../kernels/', import.meta.url);
    const parts = readdirSync(new URL('elements', folder)).toSorted();
    const files = ['elements.ts', ...parts.map((part) => `elements/${part}`)];
    const text = files.map((file) => readFileSync(new URL(file, folder), 'utf8')).join('');
    expect(createHash('sha256').update(text).digest('hex'), 'run `npm run kernels`').toBe(source);
    const fresh = new WebAssembly.Memory({ initial: 1 });
    for (const base64 of [wasm, relaxedWasm].filter(runs)) {
      const module = new WebAssembly.Module(Buffer.from(base64, 'base64'));
      expect(new WebAssembly.Instance(module, { env: { memory: fresh } }).exports).toBeDefined();
      expect(new Uint8Array(fresh.buffer).every((x) => x === 0)).toBe(true);
    }
  });
});

describe.each(builds)('the %s build', (_, e) => {
  it('transposes a matrix', () => {
    fc.assert(
      fc.property(rowsOf, ({ rows, n, seed }) => {
        const x = numbers(seed, rows * n);
        put(X, x);
        put(Y, new Float32Array(rows * n));
        e.transpose(X, Y, rows, n);
        expect(got(Y, rows * n)).toEqual(x.map((_, i) => x[(i % rows) * n + Math.floor(i / rows)]!));
      }),
    );
  });

  it('softmax sums to its factor, row by row', () => {
    fc.assert(
      fc.property(rowsOf, fc.boolean(), ({ rows, n, size, seed }, scaled) => {
        const x = numbers(seed, rows * n, -size, size);
        const factors = numbers(seed + 1, rows);
        put(X, x);
        put(Y, new Float32Array(rows * n));
        put(Z, factors);
        e.softmax(X, Y, rows, n, scaled ? Z : 0);
        const expected = split(x, n).flatMap((row, i) => softmax(row).map((p) => p * (scaled ? factors[i]! : 1)));
        expect(got(Y, rows * n)).toBeAllClose(expected, within(size));
      }),
    );
  });

  it('softmax is exactly zero where a mask has the lowest float, and NaN where a row has one', () => {
    const lowest = -3.4028234663852886e38;
    put(X, [1, 2, lowest, 3, lowest, NaN, 1, 1, 1, 1]);
    put(Y, new Float32Array(10));
    e.softmax(X, Y, 2, 5, 0);
    const y = got(Y, 10);
    expect([y[2], y[4]]).toEqual([0, 0]);
    expect([...y.subarray(5)]).toEqual([NaN, NaN, NaN, NaN, NaN]);
  });

  it('expSums gives the largest element and the sum below it', () => {
    fc.assert(
      fc.property(rowsOf, ({ rows, n, size, seed }) => {
        const x = numbers(seed, rows * n, -size, size);
        put(X, x);
        put(Y, new Float32Array(rows));
        put(Z, new Float32Array(rows));
        e.expSums(X, rows, n, Y, Z);
        const most = split(x, n).map((row) => Math.max(...row));
        expect([...got(Y, rows)]).toEqual(most);
        const sums = split(x, n).map((row, i) => row.reduce((sum, v) => sum + Math.exp(v - most[i]!), 0));
        expect(got(Z, rows)).toBeAllClose(sums, within(size));
      }),
    );
  });

  it('silu and its slope are right from far below to far above zero', () => {
    const x = Float32Array.from({ length: 4003 }, (_, i) => (i - 2001) / 20);
    const dy = numbers(3, x.length);
    put(X, x);
    put(Y, new Float32Array(x.length));
    e.silu(X, Y, x.length);
    const near = { rtol: 2e-6, atol: 1e-35 };
    expect(got(Y, x.length)).toBeAllClose(
      [...x].map((v) => v * sigmoid(v)),
      near,
    );
    put(Z, dy);
    e.siluGrad(Z, X, Y, x.length);
    const slopes = [...x].map((v, i) => dy[i]! * sigmoid(v) * (1 + v * (1 - sigmoid(v))));
    // the slope has a zero at -1.278, where what is left is rounding
    expect(got(Y, x.length)).toBeAllClose(slopes, { rtol: 1e-5, atol: 1e-7 });
  });

  it('silu of infinities and NaN is what it tends to', () => {
    put(X, [Infinity, NaN, 0, -1e30, 1e30]);
    put(Y, new Float32Array(5));
    e.silu(X, Y, 5);
    const y = got(Y, 5);
    expect([y[0], y[1], y[2], y[4]]).toEqual([Infinity, NaN, 0, Math.fround(1e30)]);
    expect(Math.abs(y[3]!)).toBeLessThan(1e-6);
  });
});

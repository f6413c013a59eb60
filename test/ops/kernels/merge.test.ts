/** The merge kernel against its reference in TypeScript, bit for bit, and the reference against float64. */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { E } from '../../../src/fp.js';
import { decodeFloats, encodeFloats } from '../../../src/ops/dtype.js';
import { mergeRowsReference, type LowRankMerge } from '../../../src/ops/kernels/merge-reference.js';
import { relaxedWasm, source, wasm } from '../../../src/ops/kernels/merge-wasm.js';
import { fitsKernel, openRowMerger, referenceMerger, rowMergers } from '../../../src/ops/kernels/merge.js';
import { numbers as uniform } from '../arbitrary.js';

const merger = await openRowMerger();
const relaxed = await rowMergers(true);

/** Numbers below `size` from a seed. */
const numbers = (seed: number, n: number, size: number): Float32Array => uniform(seed, n, -size, size);

const dtypes = ['BF16', 'F16', 'F32'] as const;
const sizeOf = (dtype: (typeof dtypes)[number]): number => (dtype === 'F32' ? 4 : 2);

/** Codes that are rare among random ones: both zeros, subnormals, the largest numbers, infinities, NaN with payloads. */
const rareCodes = {
  BF16: [0x8000, 1, 0x807f, 0x7f7f, 0xff7f, 0x7f80, 0xff80, 0x7fc0, 0xffc1, 0x7f81],
  F16: [0x8000, 1, 0x83ff, 0x0400, 0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7e00, 0xfe01, 0x7c01],
  F32: [0x80000000, 1, 0x807fffff, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc12345, 0x7f800001],
};

interface Case {
  readonly matrix: LowRankMerge;
  readonly bytes: Uint8Array;
}

const cases = (finite: boolean): fc.Arbitrary<Case> =>
  fc
    .record({
      dtype: fc.constantFrom(...dtypes),
      rows: fc.integer({ min: 1, max: 40 }),
      columns: fc.integer({ min: 1, max: 40 }),
      ranks: fc.array(fc.integer({ min: 0, max: 70 }), { maxLength: 3 }),
      s: fc.constantFrom(1, 0, -0.37, 2, 16),
      size: fc.constantFrom(1e-8, 0.02, 1, 100),
      factorSize: fc.constantFrom(0, 1e-20, 0.02, 1),
      seed: fc.integer(),
      rare: fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 4 }),
    })
    .map(({ dtype, rows, columns, ranks, s, size, factorSize, seed, rare }) => {
      const bytes = encodeFloats(dtype, numbers(seed, rows * columns, size));
      const codes = dtype === 'F32' ? new Uint32Array(bytes.buffer) : new Uint16Array(bytes.buffer);
      const few = rareCodes[dtype].slice(0, finite ? 3 : undefined);
      for (const [at, which] of rare) codes[at % codes.length] = few[which % few.length]!;
      const terms = ranks.map((rank, i) => ({
        rank,
        s: s / (i + 1),
        B: numbers(seed + 2 * i + 1, rows * rank, factorSize),
        A: numbers(seed + 2 * i + 2, rank * columns, factorSize),
      }));
      return { matrix: { dtype, rows, columns, terms }, bytes };
    });

/** A case merged in blocks of some rows, through the kernel's own buffers or not. */
const mergedIn = (
  { matrix, bytes }: Case,
  blockRows: number,
  inside: boolean,
  merge = merger,
): { readonly bytes: Uint8Array; readonly overflow: number } => {
  const row = matrix.columns * sizeOf(matrix.dtype);
  const prepared = merge(matrix, blockRows * row)!;
  const out = new Uint8Array(bytes.length);
  let overflow = -1;
  let last = (): void => undefined;
  for (let start = 0, turn = 0; start < matrix.rows; start += blockRows, turn++) {
    const block = bytes.subarray(start * row, Math.min(bytes.length, (start + blockRows) * row));
    const at = prepared.buffers[turn % 2 === 0 ? 0 : 1].subarray(0, block.length);
    if (inside) at.set(block);
    const merged = prepared.merge(start, inside ? at : block, turn % 2 === 0 ? 0 : 1);
    // a result is still good after the next call, which puts its own elsewhere
    last();
    last = () => out.set(merged.bytes, start * row);
    if (overflow < 0 && merged.overflow >= 0) overflow = start * matrix.columns + merged.overflow;
  }
  last();
  return { bytes: out, overflow };
};

describe('the merge kernel', () => {
  it('is compiled from the source that lies here', () => {
    const folder = new URL('../../../kernels/', import.meta.url);
    const parts = readdirSync(new URL('merge', folder)).toSorted();
    const text = ['merge.ts', ...parts.map((part) => `merge/${part}`)]
      .map((path) => readFileSync(new URL(path, folder), 'utf8'))
      .join('');
    expect(createHash('sha256').update(text).digest('hex'), 'run `npm run kernels`').toBe(source);
  });

  it('runs as WebAssembly here and needs nothing from outside', () => {
    expect(merger).not.toBe(referenceMerger);
    for (const module of [wasm, ...(E.isRight(relaxed) ? [relaxedWasm] : [])])
      expect(WebAssembly.Module.imports(new WebAssembly.Module(Buffer.from(module, 'base64')))).toEqual([]);
  });

  it.each([
    ['ordinary numbers', true],
    ['infinities, NaN and overflow among them', false],
  ])('gives the bits of its reference for any blocks: %s', (_, finite) => {
    fc.assert(
      fc.property(cases(finite), fc.integer({ min: 1, max: 41 }), fc.boolean(), (c, blockRows, inside) => {
        const before = c.bytes.slice();
        const { bytes, overflow } = mergedIn(c, blockRows, inside);
        const expected = mergeRowsReference(c.matrix, 0, before);
        expect(Buffer.from(bytes).equals(expected.bytes)).toBe(true);
        expect(overflow).toBe(expected.overflow);
        expect(c.bytes).toEqual(before);
      }),
      { numRuns: 400 },
    );
  });

  it.each(['BF16', 'F16'] as const)('decodes and rounds every code of %s as the codec does', (dtype) => {
    const codes = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i);
    const bytes = new Uint8Array(codes.buffer);
    const nothing = { rank: 1, s: 1, B: new Float32Array(256), A: new Float32Array(256) };
    // NaN and infinities would send the block to the reference: each row of 256 is a block of its own
    const c = { matrix: { dtype, rows: 256, columns: 256, terms: [nothing] }, bytes };
    const { bytes: same, overflow } = mergedIn(c, 1, true);
    // -0 + 0 = 0
    expect([...new Uint16Array(same.buffer)]).toEqual([...codes].map((x) => (x === 0x8000 ? 0 : x)));
    expect(overflow).toBe(-1);
  });

  it.each(dtypes)('rounds sums of float32 to the nearest %s', (dtype) => {
    // 0 + 1 x, with x next to all kinds of ties
    const A = Float32Array.from({ length: 4096 }, (_, i) =>
      Math.fround((1 + ((i >> 3) & 255) / 2048 + ((i & 7) - 3) / 2 ** 20) * 2 ** ((i >> 6) - 49)),
    );
    const term = { rank: 1, s: 1, B: Float32Array.of(1, -1, 1, -1, 1), A };
    const matrix = { dtype, rows: 5, columns: 4096, terms: [term] };
    const { bytes } = mergedIn({ matrix, bytes: new Uint8Array(5 * 4096 * sizeOf(dtype)) }, 5, true);
    expect(bytes.subarray(0, 4096 * sizeOf(dtype))).toEqual(encodeFloats(dtype, A));
  });

  it('grows its memory for a larger matrix and serves a smaller one after it', () => {
    for (const [rows, columns] of [
      [3, 3],
      [1000, 900],
      [5, 9],
    ] as const) {
      const term = { rank: 2, s: 1, B: numbers(1, rows * 2, 1), A: numbers(2, columns * 2, 1) };
      const c: Case = {
        matrix: { dtype: 'BF16', rows, columns, terms: [term] },
        bytes: encodeFloats('BF16', numbers(3, rows * columns, 1)),
      };
      expect(Buffer.from(mergedIn(c, 64, true).bytes).equals(mergedIn(c, rows, false, referenceMerger).bytes)).toBe(
        true,
      );
    }
  });

  it('leaves factors beyond its memory to others', () => {
    const huge = { rank: 2 ** 14, s: 1, B: new Float32Array(0), A: new Float32Array(0) };
    const matrix = { dtype: 'BF16', rows: 2 ** 15, columns: 8, terms: [huge] } as const;
    expect(fitsKernel(matrix, 1024)).toBe(false);
    expect(() => merger(matrix, 1024)).toThrow(RangeError);
    expect(fitsKernel({ ...matrix, rows: 2 ** 12 }, 1024)).toBe(true);
  });

  it('is the reference where WebAssembly is missing', async () => {
    vi.stubGlobal('WebAssembly', undefined);
    try {
      expect(await openRowMerger()).toBe(referenceMerger);
      expect(E.isLeft(await rowMergers(true))).toBe(true);
    } finally {
      vi.unstubAllGlobals();
    }
  });
});

describe('the relaxed kernel', async () => {
  const fused = E.isRight(relaxed) ? await relaxed.right() : undefined;

  it.skipIf(fused === undefined)('gives the same bits for any blocks, whatever else lies in them', () => {
    fc.assert(
      fc.property(cases(false), fc.integer({ min: 1, max: 41 }), fc.boolean(), (c, blockRows, inside) => {
        const whole = mergedIn(c, c.matrix.rows, false, fused);
        const cut = mergedIn(c, blockRows, inside, fused);
        expect(Buffer.from(cut.bytes).equals(whole.bytes)).toBe(true);
        expect(cut.overflow).toBe(whole.overflow);
      }),
      { numRuns: 300 },
    );
  });

  it.skipIf(fused === undefined)('is the plain one but for rounding, and keeps what is not finite', () => {
    fc.assert(
      fc.property(cases(false), (c) => {
        const { dtype, rows, columns, terms } = c.matrix;
        const ours = mergedIn(c, rows, false, fused);
        const plain = mergeRowsReference(c.matrix, 0, c.bytes);
        const [W, x, y] = [c.bytes, ours.bytes, plain.bytes].map((bytes) => decodeFloats(dtype, bytes.slice()));
        const step = { BF16: 2 ** -7, F16: 2 ** -10, F32: 2 ** -22 }[dtype];
        x!.forEach((value, at) => {
          if (!Number.isFinite(y![at])) return expect(value).toBe(y![at]);
          const [i, j] = [Math.floor(at / columns), at % columns];
          // what was summed, whose rounding errors are what the two may differ by
          const size = terms.reduce((sum, { A, B, rank, s }) => {
            let part = 0;
            for (let k = 0; k < rank; k++) part += Math.abs(B[i * rank + k]! * A[k * columns + j]!);
            return sum + Math.abs(s) * part * (1 + rank);
          }, 0);
          const bound = step * Math.abs(y![at]!) + 2 ** -22 * (size + Math.abs(W![at]!)) + 2 ** -24;
          expect(Math.abs(value - y![at]!)).toBeLessThanOrEqual(bound);
        });
      }),
      { numRuns: 200 },
    );
  });
});

describe('the reference', () => {
  it.each(dtypes)('is W + s B A in %s', (dtype) => {
    const [rows, columns, rank, s] = [7, 11, 16, 0.37];
    const [B, A] = [numbers(1, rows * rank, 0.3), numbers(2, rank * columns, 0.3)];
    const bytes = encodeFloats(dtype, numbers(3, rows * columns, 1));
    const W = decodeFloats(dtype, bytes);
    const merged = mergeRowsReference({ dtype, rows, columns, terms: [{ B, A, rank, s }] }, 0, bytes);
    const step = { BF16: 2 ** -8, F16: 2 ** -11, F32: 2 ** -21 }[dtype];
    decodeFloats(dtype, merged.bytes).forEach((value, at) => {
      const [i, j] = [Math.floor(at / columns), at % columns];
      let sum = 0;
      for (let k = 0; k < rank; k++) sum += B[i * rank + k]! * A[k * columns + j]!;
      const exact = W[at]! + s * sum;
      expect(Math.abs(value - exact)).toBeLessThanOrEqual(step * (Math.abs(exact) + 2 ** -6));
    });
  });

  it('tells where a finite weight overflowed', () => {
    const bytes = encodeFloats('F16', Float32Array.of(1, Infinity, 65504, 65504));
    const term = { rank: 1, s: 1, B: Float32Array.of(1), A: Float32Array.of(0, 1, 15, 16) };
    const { overflow } = mergeRowsReference({ dtype: 'F16', rows: 1, columns: 4, terms: [term] }, 0, bytes);
    expect(overflow).toBe(3);
  });
});

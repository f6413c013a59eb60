/** The kernel of encoders against its references in TypeScript, code for code. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { encodeFloats } from '../../../src/ops/dtype.js';
import { encodeBF16Reference } from '../../../src/ops/dtype/bfloat16.js';
import { decodeTable, encodeSmallReference } from '../../../src/ops/dtype/small-float.js';
import { encodeWith } from '../../../src/ops/kernels/encode.js';
import { source, wasm } from '../../../src/ops/kernels/encode-wasm.js';

const formats = ['BF16', 'F16', 'F8_E4M3', 'F8_E5M2'] as const;
type Format = (typeof formats)[number];

/** Codes by the reference. */
const expectedOf = (dtype: Format, bits: Int32Array): Uint8Array => {
  const codes = dtype.startsWith('F8') ? new Uint8Array(bits.length) : new Uint16Array(bits.length);
  if (dtype === 'BF16') encodeBF16Reference(bits, codes);
  else encodeSmallReference(dtype, bits, codes);
  return new Uint8Array(codes.buffer);
};

const encoded = (dtype: Format, bits: Int32Array): Uint8Array =>
  encodeFloats(dtype, new Float32Array(bits.buffer, bits.byteOffset, bits.length));

const expectSame = (dtype: Format, bits: Int32Array): void =>
  expect(Buffer.from(encoded(dtype, bits)).equals(expectedOf(dtype, bits))).toBe(true);

const bitsOf = (values: ArrayLike<number>): Int32Array => new Int32Array(Float32Array.from(values).buffer);

/** The values of all codes, what is halfway between neighbours, and what lies next to all of these, without NaN. */
const edges = (dtype: Format): Int32Array => {
  const table = dtype === 'BF16' ? Int32Array.from({ length: 65536 }, (_, i) => i << 16) : decodeTable(dtype as 'F16');
  const magnitudes = table.slice(0, table.length / 2).filter((b) => b <= 0x7f800000);
  const middles = Float64Array.from(new Float32Array(magnitudes.buffer)).map(
    (x, i, all) => (x + (all[i + 1] ?? 2 * x)) / 2,
  );
  const near = [...magnitudes, ...bitsOf(middles)].flatMap((b) => [b - 1, b, b + 1]);
  const finite = near.filter((b) => b >= 0 && b <= 0x7f800000);
  return Int32Array.from([...finite, ...finite.map((b) => b | 0x80000000)]);
};

describe('the kernel of encoders', () => {
  it('is compiled from the source that lies here, and needs nothing from outside', () => {
    const text = readFileSync(new URL('../../../kernels/encode.ts', import.meta.url));
    expect(createHash('sha256').update(text).digest('hex'), 'run `npm run kernels`').toBe(source);
    expect(WebAssembly.Module.imports(new WebAssembly.Module(Buffer.from(wasm, 'base64')))).toEqual([]);
  });

  it.each(formats)('has the codes of the reference: %s, every value, tie and neighbour', (dtype) =>
    expectSame(dtype, edges(dtype)),
  );

  it.each(formats)('has the codes of the reference: %s, any bits, NaN among them, any length', (dtype) => {
    fc.assert(
      fc.property(fc.uint32Array({ minLength: 0, maxLength: 300 }), fc.boolean(), (words, finite) => {
        const bits = new Int32Array(words.buffer, words.byteOffset, words.length);
        expectSame(dtype, finite ? bits.map((b) => b & ~0x40000000) : bits);
      }),
      { numRuns: 300 },
    );
  });

  it.each(formats)('has the codes of the reference: %s, over more than one block', (dtype) => {
    const bits = Int32Array.from({ length: 40_003 }, (_, i) => Math.imul(i, 2654435761) & ~0x40000000);
    expectSame(dtype, bits);
    bits[20_000] = 0x7fc12345;
    expectSame(dtype, bits);
  });

  it('runs the kernel, and the reference for a block with NaN, for few values and where WebAssembly is missing', () => {
    const reference = vi.fn();
    const run = (bits: Int32Array): number => {
      reference.mockClear();
      encodeWith(undefined, bits, new Uint16Array(bits.length), reference);
      return reference.mock.calls.length;
    };
    expect(run(new Int32Array(1000))).toBe(0);
    expect(run(new Int32Array(10))).toBe(1);
    expect(run(new Int32Array(40_000).fill(0x7f800001, 20_000, 20_001))).toBe(1);
    vi.stubGlobal('WebAssembly', undefined);
    expect(run(new Int32Array(1000))).toBe(1);
    vi.unstubAllGlobals();
  });
});

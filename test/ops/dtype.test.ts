import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DTYPES,
  bitsOf,
  byteLength,
  checkedByteLength,
  decodeFloats,
  dtypeOrder,
  encodeFloats,
  isComputable,
  isDType,
  isFloat,
  type DType,
} from '../../src/ops/dtype.js';

const FLOATS = ['F16', 'BF16', 'F8_E5M2', 'F8_E4M3', 'F8_E4M3FNUZ', 'F8_E5M2FNUZ'] as const;

/** All codes of a dtype of 8 or 16 bits, as little-endian bytes. */
const allCodes = (dtype: DType): Uint8Array =>
  bitsOf(dtype) === 16
    ? new Uint8Array(Uint16Array.from({ length: 65536 }, (_, i) => i).buffer)
    : Uint8Array.from({ length: 256 }, (_, i) => i);

const codesOf = (dtype: DType, bytes: Uint8Array): ReadonlyArray<number> =>
  Array.from(bitsOf(dtype) === 16 ? new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2) : bytes);

const fromBits = (bits: Iterable<number>): Float32Array => new Float32Array(Uint32Array.from(bits).buffer);
const encode = (dtype: DType, ...values: ReadonlyArray<number>): ReadonlyArray<number> =>
  codesOf(dtype, encodeFloats(dtype, Float32Array.from(values)));

/** The value of a code in float64, from the formats' definitions; written without the tables under test. */
const valueOf = (dtype: (typeof FLOATS)[number], code: number): number => {
  const [e, m, bias] = {
    F16: [5, 10, 15],
    BF16: [8, 7, 127],
    F8_E5M2: [5, 2, 15],
    F8_E4M3: [4, 3, 7],
    F8_E4M3FNUZ: [4, 3, 8],
    F8_E5M2FNUZ: [5, 2, 16],
  }[dtype] as [number, number, number];
  const sign = code >= 2 ** (e + m) ? -1 : 1;
  const magnitude = code % 2 ** (e + m);
  const exponent = Math.floor(magnitude / 2 ** m);
  const fraction = magnitude % 2 ** m;
  if (dtype.endsWith('FNUZ')) {
    if (sign < 0 && magnitude === 0) return NaN;
  } else if (dtype === 'F8_E4M3') {
    if (magnitude === 127) return NaN;
  } else if (exponent === 2 ** e - 1) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction * 2 ** (1 - bias - m) : (2 ** m + fraction) * 2 ** (exponent - bias - m));
};

/** Finite codes by ascending value without -0. */
const ladder = (dtype: (typeof FLOATS)[number]): ReadonlyArray<readonly [value: number, code: number]> =>
  codesOf(dtype, allCodes(dtype))
    .map((code) => [valueOf(dtype, code), code] as const)
    .filter(([v]) => Number.isFinite(v) && !Object.is(v, -0))
    .toSorted(([a], [b]) => a - b);

/**
 * Nearest code by binary search in float64, ties to the even code; beyond half a step above the largest value it is what the
 * format has for overflow.
 */
const nearest = (dtype: (typeof FLOATS)[number], steps: ReturnType<typeof ladder>, x: number): number => {
  const size = 2 ** (bitsOf(dtype) - 1);
  const signOf = x < 0 || Object.is(x, -0) ? size : 0;
  const largest = (steps.at(-1) as readonly [number, number])[0];
  const beyond = 2 * largest - (steps.at(-2) as readonly [number, number])[0];
  // The next step would have the odd or even neighbour of the largest code: a tie there goes to the even one of both.
  const limit = (largest + beyond) / 2;
  const tieOverflows = (steps.at(-1) as readonly [number, number])[1] % 2 === 1;
  if (Math.abs(x) > limit || (Math.abs(x) === limit && tieOverflows)) {
    if (dtype.endsWith('FNUZ')) return size;
    return signOf + (dtype === 'F8_E4M3' ? 127 : { F16: 0x7c00, BF16: 0x7f80, F8_E5M2: 0x7c }[dtype as 'F16']);
  }
  let [low, high] = [0, steps.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((steps[middle] as readonly [number, number])[0] <= x) low = middle;
    else high = middle;
  }
  const [a, codeA] = steps[low] as readonly [number, number];
  const [b, codeB] = steps[high] as readonly [number, number];
  const code = x - a < b - x ? codeA : x - a > b - x ? codeB : codeA % 2 === 0 ? codeA : codeB;
  return code === 0 && !dtype.endsWith('FNUZ') ? signOf : code;
};

describe('dtype names', () => {
  it('orders dtypes as the reference enum does', () => {
    expect(DTYPES).toHaveLength(22);
    expect(DTYPES.map(dtypeOrder)).toEqual(DTYPES.map((_, i) => i));
    expect(dtypeOrder('F32')).toBeLessThan(dtypeOrder('F64'));
    expect(dtypeOrder('I64')).toBeGreaterThan(dtypeOrder('F64'));
    // Increasing alignment: sizes never fall along the list once elements fill bytes.
    const sizes = DTYPES.map((d) => Math.max(8, bitsOf(d)));
    expect(sizes).toEqual([...sizes].toSorted((a, b) => a - b));
  });
  it('takes no inherited property for a dtype', () => {
    expect(['F32', 'f32', 'constructor', '__proto__', '', 3, undefined].map(isDType)).toEqual([
      true,
      ...Array(6).fill(false),
    ]);
  });
  it('counts bytes, packed elements included', () => {
    expect(byteLength('F4', [3, 2])).toBe(3);
    expect(byteLength('F6_E2M3', [4])).toBe(3);
    expect(byteLength('C64', [])).toBe(8);
    expect(byteLength('BF16', [3, 0, 5])).toBe(0);
    expect(checkedByteLength('F4', [3])).toBeUndefined();
    expect(checkedByteLength('F6_E3M2', [2])).toBeUndefined();
    expect(checkedByteLength('U8', [2 ** 27, 2 ** 27])).toBeUndefined();
    expect(checkedByteLength('U8', [2 ** 53 - 1])).toBeUndefined();
    expect(checkedByteLength('U8', [2 ** 40, 2 ** 40, 0])).toBeUndefined();
    expect(checkedByteLength('U8', [-1, -1])).toBeUndefined();
    expect(checkedByteLength('U8', [0.5, 2])).toBeUndefined();
    expect(checkedByteLength('U8', [0, 2 ** 40, 2 ** 40])).toBe(0);
    expect(() => byteLength('F4', [1])).toThrow(RangeError);
  });
  it('knows which dtypes are floats and which are computable', () => {
    expect(DTYPES.filter((d) => !isComputable(d))).toEqual(['F4', 'F6_E2M3', 'F6_E3M2', 'C64']);
    expect(DTYPES.filter((d) => !isFloat(d))).toEqual([
      'BOOL',
      'U8',
      'I8',
      'I16',
      'U16',
      'I32',
      'U32',
      'C64',
      'I64',
      'U64',
    ]);
    expect(() => decodeFloats('C64', new Uint8Array(8))).toThrow(TypeError);
    expect(() => encodeFloats('F4', new Float32Array(2))).toThrow(TypeError);
  });
});

describe.each(FLOATS)('%s', (dtype) => {
  const codes = codesOf(dtype, allCodes(dtype));
  const values = decodeFloats(dtype, allCodes(dtype));

  it('decodes every code to its value', () => {
    const wrong = codes.filter((c, i) => !Object.is(values[i], valueOf(dtype, c)));
    expect(wrong).toEqual([]);
  });
  it('gives every code back, NaN payloads included', () => {
    expect(codesOf(dtype, encodeFloats(dtype, values))).toEqual(codes);
  });
  it('rounds every value, midpoint and neighbour as a float64 search does', () => {
    const steps = ladder(dtype);
    const largest = (steps.at(-1) as readonly [number, number])[0];
    const middles = steps.slice(1).map(([v], i) => (v + (steps[i] as readonly [number, number])[0]) / 2);
    const edges = [largest, 2 * largest, 0].flatMap((x) => [x, x * 1.01, x * (1 + 2 ** -12), 1.0625 * x, 1.035714 * x]);
    const seeds = Float32Array.from([
      ...steps.map(([v]) => v),
      ...middles,
      ...edges,
      ...edges.map((x) => -x),
      Infinity,
      -Infinity,
    ]);
    const bits = Array.from(new Uint32Array(seeds.buffer));
    const inputs = fromBits(bits.flatMap((b) => [b, (b + 1) >>> 0, (b - 1) >>> 0]));
    const encoded = codesOf(dtype, encodeFloats(dtype, inputs));
    const wrong = Array.from(inputs).flatMap((x, i) =>
      Number.isNaN(x) || encoded[i] === nearest(dtype, steps, x) ? [] : [[x, encoded[i], nearest(dtype, steps, x)]],
    );
    expect(wrong).toEqual([]);
  });
  it('rounds arbitrary float32 bits as a float64 search does, and keeps NaN', () => {
    const steps = ladder(dtype);
    fc.assert(
      fc.property(fc.uint32Array({ minLength: 1, maxLength: 64 }), (bits) => {
        const inputs = fromBits(bits);
        const encoded = encodeFloats(dtype, inputs);
        const back = decodeFloats(dtype, encoded);
        codesOf(dtype, encoded).forEach((code, i) => {
          const x = inputs[i] as number;
          if (Number.isNaN(x)) expect(back[i]).toBeNaN();
          else expect(code).toBe(nearest(dtype, steps, x));
        });
      }),
      { seed: 7, numRuns: 300 },
    );
  });
});

describe('overflow and NaN', () => {
  it('becomes infinity where the format has one', () => {
    expect(encode('F16', 65504, 65519.99, 65520, -1e30, Infinity)).toEqual([0x7bff, 0x7bff, 0x7c00, 0xfc00, 0x7c00]);
    expect(encode('BF16', 3.4028234663852886e38, -Infinity)).toEqual([0x7f80, 0xff80]);
    expect(encode('F8_E5M2', 57344, 61439, 61440, -Infinity)).toEqual([0x7b, 0x7b, 0x7c, 0xfc]);
  });
  it('becomes NaN where it has none', () => {
    expect(encode('F8_E4M3', 448, 464, 464.1, -480, Infinity)).toEqual([0x7e, 0x7e, 0x7f, 0xff, 0x7f]);
    expect(encode('F8_E4M3FNUZ', 240, 247.9, 248, -1e9, Infinity)).toEqual([0x7f, 0x7f, 0x80, 0x80, 0x80]);
  });
  it('keeps NaN NaN when its payload lies in bits that are dropped', () => {
    const nans = fromBits([0x7f800001, 0xff800001, 0x7fc00000]);
    for (const dtype of [...FLOATS, 'F8_E8M0', 'F64', 'F32'] as const) {
      expect(Array.from(decodeFloats(dtype, encodeFloats(dtype, nans))).every(Number.isNaN)).toBe(true);
    }
    expect(codesOf('F16', encodeFloats('F16', nans))).toEqual([0x7e00, 0xfe00, 0x7e00]);
    expect(codesOf('BF16', encodeFloats('BF16', nans))).toEqual([0x7fc0, 0xffc0, 0x7fc0]);
  });
  it('keeps the sign of zero except in formats without -0', () => {
    expect(encode('F16', -0, -1e-30)).toEqual([0x8000, 0x8000]);
    expect(encode('F8_E4M3FNUZ', -0, -1e-30)).toEqual([0, 0]);
  });
});

describe('F8_E8M0', () => {
  it('is a power of two for every code and comes back', () => {
    const values = decodeFloats('F8_E8M0', allCodes('F8_E8M0'));
    expect(Array.from(values.subarray(0, 255))).toEqual(Array.from({ length: 255 }, (_, c) => 2 ** (c - 127)));
    expect(values[255]).toBeNaN();
    expect(Array.from(encodeFloats('F8_E8M0', values))).toEqual(Array.from(allCodes('F8_E8M0')));
  });
  it('rounds as torch does', () => {
    expect(encode('F8_E8M0', 1, 1.4999, 1.5, 3, -4, 0, 1e-45, Infinity)).toEqual([127, 127, 128, 129, 129, 0, 0, 255]);
    expect(encode('F8_E8M0', 3.4e38, 2 ** -127, 1.25 * 2 ** -127)).toEqual([255, 0, 1]);
  });
});

describe('wide floats and integers', () => {
  it('keeps float32 bit for bit', () => {
    fc.assert(
      fc.property(fc.uint32Array(), (bits) => {
        const bytes = new Uint8Array(bits.buffer.slice(0));
        expect(encodeFloats('F32', decodeFloats('F32', bytes))).toEqual(bytes);
      }),
      { seed: 7 },
    );
  });
  it('rounds F64 once to nearest even and widens exactly', () => {
    const doubles = Float64Array.of(1 + 2 ** -24, 1 + 3 * 2 ** -24, 1 + 2 ** -24 + 2 ** -50, 1e300, -0);
    const values = decodeFloats('F64', new Uint8Array(doubles.buffer));
    expect(Array.from(values)).toEqual([1, 1 + 2 ** -22, 1 + 2 ** -23, Infinity, -0]);
    expect(new Float64Array(encodeFloats('F64', values).buffer)).toEqual(Float64Array.from(values));
  });
  it('decodes integers exactly where float32 holds them', () => {
    const bytes = (a: { buffer: ArrayBuffer }): Uint8Array => new Uint8Array(a.buffer);
    expect(decodeFloats('I8', Uint8Array.of(0x80, 0xff, 1))).toEqual(Float32Array.of(-128, -1, 1));
    expect(decodeFloats('U8', Uint8Array.of(0x80, 0xff))).toEqual(Float32Array.of(128, 255));
    expect(decodeFloats('BOOL', Uint8Array.of(0, 1, 7))).toEqual(Float32Array.of(0, 1, 1));
    expect(decodeFloats('I16', bytes(Int16Array.of(-32768, 5)))).toEqual(Float32Array.of(-32768, 5));
    expect(decodeFloats('U16', bytes(Uint16Array.of(65535)))).toEqual(Float32Array.of(65535));
    expect(decodeFloats('I32', bytes(Int32Array.of(-(2 ** 31), 2 ** 24)))).toEqual(
      Float32Array.of(-(2 ** 31), 2 ** 24),
    );
    expect(decodeFloats('U32', bytes(Uint32Array.of(2 ** 31)))).toEqual(Float32Array.of(2 ** 31));
    expect(decodeFloats('I64', bytes(BigInt64Array.of(-1n, -(2n ** 63n), 2n ** 40n)))).toEqual(
      Float32Array.of(-1, -(2 ** 63), 2 ** 40),
    );
    expect(decodeFloats('U64', bytes(BigUint64Array.of(2n ** 63n, 3n)))).toEqual(Float32Array.of(2 ** 63, 3));
  });
  it('encodes integers to the nearest one in range', () => {
    const x = Float32Array.of(-1.5, 2.5, 3.5, 1e20, -1e20, Infinity, -Infinity, NaN, 0);
    expect(new Int8Array(encodeFloats('I8', x).buffer)).toEqual(Int8Array.of(-2, 2, 4, 127, -128, 127, -128, 0, 0));
    expect(encodeFloats('U8', x)).toEqual(Uint8Array.of(0, 2, 4, 255, 0, 255, 0, 0, 0));
    expect(encodeFloats('BOOL', x)).toEqual(Uint8Array.of(1, 1, 1, 1, 1, 1, 1, 1, 0));
    const [min, max] = [-(2n ** 63n), 2n ** 63n - 1n];
    expect(new BigInt64Array(encodeFloats('I64', x).buffer)).toEqual(
      BigInt64Array.of(-2n, 2n, 4n, max, min, max, min, 0n, 0n),
    );
    const top = 2n ** 64n - 1n;
    expect(new BigUint64Array(encodeFloats('U64', x).buffer)).toEqual(
      BigUint64Array.of(0n, 2n, 4n, top, 0n, top, 0n, 0n, 0n),
    );
  });
  it('gives every whole number in float32 back', () => {
    const dtypes = DTYPES.filter((d) => isComputable(d) && !isFloat(d) && d !== 'BOOL');
    fc.assert(
      fc.property(fc.constantFrom(...dtypes), fc.array(fc.integer({ min: 0, max: 127 })), (dtype, numbers) => {
        const x = Float32Array.from(numbers);
        expect(decodeFloats(dtype, encodeFloats(dtype, x))).toEqual(x);
      }),
      { seed: 7 },
    );
  });
});

describe('memory', () => {
  const computable = DTYPES.filter(isComputable);

  it.each(computable)('%s reads and writes views at any offset', (dtype) => {
    const values = dtype === 'F8_E8M0' ? Float32Array.of(1, 2, 4, 0.5, 1) : Float32Array.of(0, 1, 1, 0, 1);
    const bytes = encodeFloats(dtype, values);
    for (const shift of [1, 2, 3, 4, 7]) {
      const room = new Uint8Array(bytes.length + 16);
      const view = room.subarray(shift, shift + bytes.length);
      expect(encodeFloats(dtype, values, view)).toBe(view);
      expect(Array.from(view)).toEqual(Array.from(bytes));
      expect(room[shift - 1]).toBe(0);
      expect(decodeFloats(dtype, view)).toEqual(decodeFloats(dtype, bytes));
    }
  });
  it('fills the array it is given and refuses one of another length', () => {
    const out = new Float32Array(2);
    expect(decodeFloats('BF16', Uint8Array.of(0x80, 0x3f, 0, 0x40), out)).toBe(out);
    expect(out).toEqual(Float32Array.of(1, 2));
    expect(() => decodeFloats('BF16', new Uint8Array(2), out)).toThrow(RangeError);
    expect(() => decodeFloats('BF16', new Uint8Array(3))).toThrow(RangeError);
    expect(() => encodeFloats('BF16', out, new Uint8Array(2))).toThrow(RangeError);
  });
  it('never shares memory with what it reads', () => {
    const bytes = new Uint8Array(4);
    const values = decodeFloats('F32', bytes);
    bytes.fill(255);
    expect(values[0]).toBe(0);
  });
});

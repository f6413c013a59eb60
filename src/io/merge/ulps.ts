/**
 * How far two tensors at rest are apart: in representable numbers, and beside their largest value.
 */
import { bitsOf, decodeFloats, isFloat, type DType } from '../../ops/dtype.js';

/** How two equally long runs of one tensor's elements differ. */
export interface Distance {
  readonly elements: number;
  /** Elements whose bytes differ. */
  readonly differing: number;
  /** The largest number of steps between neighbouring values; infinite where one side only is NaN. */
  readonly ulps: number;
  /** The largest |a - b|, in float32; infinite where one side only is NaN. */
  readonly error: number;
  /** The largest finite |b|. */
  readonly largest: number;
}

/** No elements, no difference. */
export const noDistance: Distance = { elements: 0, differing: 0, ulps: 0, error: 0, largest: 0 };

/** The distance of two runs one after the other. */
export const joinDistances = (a: Distance, b: Distance): Distance => ({
  elements: a.elements + b.elements,
  differing: a.differing + b.differing,
  ulps: Math.max(a.ulps, b.ulps),
  error: Math.max(a.error, b.error),
  largest: Math.max(a.largest, b.largest),
});

/** Codes of elements, and the number of steps between two of them. */
interface Codes {
  readonly equal: (i: number) => boolean;
  readonly steps: (i: number) => number;
}

/** Typed arrays start at multiples of their elements' size. */
const aligned = (bytes: Uint8Array): Uint8Array => (bytes.byteOffset % 8 === 0 ? bytes : bytes.slice());

const unsigned = (bytes: Uint8Array, width: number): Uint8Array | Uint16Array | Uint32Array => {
  const { buffer, byteOffset, length } = aligned(bytes);
  if (width === 8) return new Uint8Array(buffer, byteOffset, length);
  return width === 16
    ? new Uint16Array(buffer, byteOffset, length / 2)
    : new Uint32Array(buffer, byteOffset, length / 4);
};

/** Floats of up to 32 bits: sign and magnitude to a number whose order is that of the values; both zeros are 0. */
const floatCodes = (width: number, a: Uint8Array, b: Uint8Array): Codes => {
  const [x, y] = [unsigned(a, width), unsigned(b, width)];
  const sign = 2 ** (width - 1);
  const ordinal = (code: number): number => (code >= sign ? sign - code : code);
  return {
    equal: (i) => x[i] === y[i],
    steps: (i) => Math.abs(ordinal(x[i] as number) - ordinal(y[i] as number)),
  };
};

const doubleCodes = (a: Uint8Array, b: Uint8Array): Codes => {
  const [x, y] = [new BigInt64Array(a.slice().buffer), new BigInt64Array(b.slice().buffer)];
  const ordinal = (code: bigint): bigint => (code < 0n ? -(code & 0x7fffffffffffffffn) : code);
  return {
    equal: (i) => x[i] === y[i],
    steps: (i) => Math.abs(Number(ordinal(x[i] as bigint) - ordinal(y[i] as bigint))),
  };
};

/** Integers: their values are their codes. */
const integerCodes = (u: Float32Array, v: Float32Array): Codes => ({
  equal: (i) => u[i] === v[i],
  steps: (i) => Math.abs((u[i] as number) - (v[i] as number)),
});

const codesOf = (dtype: DType, a: Uint8Array, b: Uint8Array, u: Float32Array, v: Float32Array): Codes => {
  if (!isFloat(dtype)) return integerCodes(u, v);
  return dtype === 'F64' ? doubleCodes(a, b) : floatCodes(bitsOf(dtype), a, b);
};

/** Steps and error where both sides are numbers; NaN is at no distance from NaN and infinitely far from all else. */
const apart = (codes: Codes, i: number, x: number, y: number): readonly [ulps: number, error: number] => {
  const nans = Number(Number.isNaN(x)) + Number(Number.isNaN(y));
  if (nans > 0) return nans === 1 ? [Infinity, Infinity] : [0, 0];
  return [codes.steps(i), Math.abs(x - y)];
};

/**
 * The distance of two runs of elements.
 *
 * @param dtype a computable one
 * @param a bytes of whole elements
 * @param b as many bytes
 */
export const distanceOf = (dtype: DType, a: Uint8Array, b: Uint8Array): Distance => {
  if (a.length !== b.length) throw new RangeError(`${a.length} and ${b.length} bytes cannot be compared`);
  const [u, v] = [decodeFloats(dtype, a), decodeFloats(dtype, b)];
  const codes = codesOf(dtype, a, b, u, v);
  let [differing, ulps, error, largest] = [0, 0, 0, 0];
  for (let i = 0; i < u.length; i++) {
    const magnitude = Math.abs(v[i] as number);
    if (magnitude > largest && magnitude < Infinity) largest = magnitude;
    if (codes.equal(i)) continue;
    differing++;
    const [steps, difference] = apart(codes, i, u[i] as number, v[i] as number);
    ulps = Math.max(ulps, steps);
    error = Math.max(error, difference);
  }
  return { elements: u.length, differing, ulps, error, largest };
};

/**
 * How far two tensors at rest are apart, counted in representable numbers.
 */
import { bitsOf, decodeFloats, isFloat, type DType } from '../../ops/dtype.js';

/** How two equally long runs of one tensor's elements differ. */
export interface Distance {
  readonly elements: number;
  /** Elements whose bytes differ. */
  readonly differing: number;
  /** The largest number of steps between neighbouring values; infinite where one side only is NaN. */
  readonly ulps: number;
}

/** No elements, no difference. */
export const noDistance: Distance = { elements: 0, differing: 0, ulps: 0 };

/** The distance of two runs one after the other. */
export const joinDistances = (a: Distance, b: Distance): Distance => ({
  elements: a.elements + b.elements,
  differing: a.differing + b.differing,
  ulps: Math.max(a.ulps, b.ulps),
});

/** An element's code as an unsigned number; exact up to 32 bits, which is all that is compared this way. */
type Codes = Uint8Array | Uint16Array | Uint32Array;

const codesOf = (bytes: Uint8Array, width: number): Codes => {
  const own = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
  switch (width) {
    case 8:
      return own;
    case 16:
      return new Uint16Array(own.buffer, own.byteOffset, own.length / 2);
    default:
      return new Uint32Array(own.buffer, own.byteOffset, own.length / 4);
  }
};

/** Sign and magnitude to a number whose order is that of the values; both zeros are 0. */
const ordinal = (code: number, sign: number): number => (code >= sign ? sign - code : code);

const smallDistance = (dtype: DType, a: Uint8Array, b: Uint8Array): Distance => {
  const width = bitsOf(dtype);
  const [x, y] = [codesOf(a, width), codesOf(b, width)];
  const [u, v] = [decodeFloats(dtype, a), decodeFloats(dtype, b)];
  const sign = 2 ** (width - 1);
  let [differing, ulps] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    if (x[i] === y[i]) continue;
    differing++;
    const nans = Number(Number.isNaN(u[i])) + Number(Number.isNaN(v[i]));
    const steps = Math.abs(ordinal(x[i] as number, sign) - ordinal(y[i] as number, sign));
    ulps = Math.max(ulps, nans === 0 ? steps : nans === 1 ? Infinity : 0);
  }
  return { elements: x.length, differing, ulps };
};

const bigOrdinal = (code: bigint): bigint => (code < 0n ? -(code & 0x7fffffffffffffffn) : code);

const doubleDistance = (a: Uint8Array, b: Uint8Array): Distance => {
  const [x, y] = [new BigInt64Array(a.slice().buffer), new BigInt64Array(b.slice().buffer)];
  let [differing, ulps] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    if (x[i] === y[i]) continue;
    differing++;
    ulps = Math.max(ulps, Math.abs(Number(bigOrdinal(x[i] as bigint) - bigOrdinal(y[i] as bigint))));
  }
  return { elements: x.length, differing, ulps };
};

const integerDistance = (dtype: DType, a: Uint8Array, b: Uint8Array): Distance => {
  const [x, y] = [decodeFloats(dtype, a), decodeFloats(dtype, b)];
  const steps = x.map((v, i) => Math.abs(v - (y[i] as number)));
  return {
    elements: x.length,
    differing: steps.filter((s) => s > 0).length,
    ulps: steps.reduce((most, s) => Math.max(most, s), 0),
  };
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
  if (!isFloat(dtype)) return integerDistance(dtype, a, b);
  return dtype === 'F64' ? doubleDistance(a, b) : smallDistance(dtype, a, b);
};

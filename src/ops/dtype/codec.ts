/**
 * Little-endian bytes of a dtype to float32 values and back, rounding once to nearest even.
 */
import { decodeBF16, encodeBF16 } from './bfloat16.js';
import { decodeIntegers, encodeIntegers } from './integer.js';
import { bitsOf, isComputable, type DType } from './names.js';
import { decodeTable, encodeSmall } from './small-float.js';

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Bytes of one element; throws where there is no codec, since callers check `isComputable` at the border. */
const elementSize = (dtype: DType): number => {
  if (!isComputable(dtype)) throw new TypeError(`${dtype} cannot be read as float32; check isComputable first`);
  if (!littleEndian) throw new TypeError('tensor bytes are little-endian and this machine is not');
  return bitsOf(dtype) / 8;
};

/** The same bytes at an offset that typed arrays of `size` bytes an element accept; copies only where it must. */
const aligned = (bytes: Uint8Array, size: number): Uint8Array =>
  bytes.byteOffset % size === 0 ? bytes : bytes.slice();

/** float32 bits of each code through a table. */
const lookUp = (table: Int32Array, codes: Uint8Array | Uint16Array, out: Int32Array): void => {
  for (let i = 0; i < codes.length; i++) out[i] = table[codes[i] as number] as number;
};

/** 2^(c - 127), with NaN at 255: the scale format of OCP microscaling (MX) 1.0. */
const decodeE8M0 = (codes: Uint8Array, out: Int32Array): void => {
  for (let i = 0; i < codes.length; i++) {
    const c = codes[i] as number;
    out[i] = c === 255 ? 0x7fc00000 : c === 0 ? 0x00400000 : c << 23;
  }
};

/**
 * Nearest power of two as torch rounds it: 1.5 x 2^e goes up, the sign is dropped, infinity and NaN become 255, and a float32
 * subnormal goes up to 2^-126 when it is above 2^-127.
 */
const encodeE8M0 = (bits: Int32Array, out: Uint8Array): void => {
  for (let i = 0; i < bits.length; i++) {
    const a = (bits[i] as number) & 0x7fffffff;
    const e = a >>> 23;
    const m = a & 0x7fffff;
    out[i] = e < 255 && (e === 0 ? m > 0x400000 : m >= 0x400000) ? e + 1 : e;
  }
};

/**
 * Values of a tensor's bytes as float32: exact where float32 holds them, rounded once to nearest even otherwise (F64 and
 * integers beyond 24 bits).
 *
 * `out`, when given, has one place for each element and is returned; the result never shares memory with `bytes`, which may
 * start anywhere in their buffer. Throws on lengths that do not fit and on dtypes that are not computable.
 */
export const decodeFloats = (dtype: DType, bytes: Uint8Array, out?: Float32Array): Float32Array => {
  const size = elementSize(dtype);
  const n = bytes.length / size;
  if (!Number.isInteger(n)) throw new RangeError(`${bytes.length} bytes are no whole number of ${dtype} elements`);
  const values = out ?? new Float32Array(n);
  if (values.length !== n) throw new RangeError(`${n} elements do not fit a Float32Array of ${values.length}`);
  const { buffer, byteOffset } = aligned(bytes, Math.min(size, dtype === 'I64' || dtype === 'U64' ? 4 : 8));
  const bits = new Int32Array(values.buffer, values.byteOffset, n);
  switch (dtype) {
    case 'F32':
      bits.set(new Int32Array(buffer, byteOffset, n));
      break;
    case 'F64':
      values.set(new Float64Array(buffer, byteOffset, n));
      break;
    case 'BF16':
      decodeBF16(buffer, byteOffset, bits);
      break;
    case 'F16':
      lookUp(decodeTable(dtype), new Uint16Array(buffer, byteOffset, n), bits);
      break;
    case 'F8_E5M2':
    case 'F8_E4M3':
    case 'F8_E4M3FNUZ':
    case 'F8_E5M2FNUZ':
      lookUp(decodeTable(dtype), bytes, bits);
      break;
    case 'F8_E8M0':
      decodeE8M0(bytes, bits);
      break;
    default:
      decodeIntegers(dtype as Parameters<typeof decodeIntegers>[0], buffer, byteOffset, values);
  }
  return values;
};

/**
 * Bytes of float32 values in a dtype, rounded once to nearest even as torch casts do; NaN stays NaN with its sign and as much
 * of its payload as fits, so decoding and encoding any code of a float gives the code back.
 *
 * Overflow: infinity for F16, BF16 and F8_E5M2, NaN for the other 8 bit floats (torch 2.13 differs for F8_E4M3 only: it clamps
 * to 448), the nearest bound for integers.
 * Throws on dtypes that are not computable and on an `out` of another length.
 */
export const encodeFloats = (dtype: DType, values: Float32Array, out?: Uint8Array): Uint8Array => {
  const size = elementSize(dtype);
  const n = values.length;
  const bytes = out ?? new Uint8Array(n * size);
  if (bytes.length !== n * size) throw new RangeError(`${n} ${dtype} elements do not fit ${bytes.length} bytes`);
  const target = aligned(bytes, size);
  const { buffer, byteOffset } = target;
  const bits = new Int32Array(values.buffer, values.byteOffset, n);
  switch (dtype) {
    case 'F32':
      new Int32Array(buffer, byteOffset, n).set(bits);
      break;
    case 'F64':
      new Float64Array(buffer, byteOffset, n).set(values);
      break;
    case 'BF16':
      encodeBF16(bits, buffer, byteOffset);
      break;
    case 'F16':
      encodeSmall(dtype, bits, new Uint16Array(buffer, byteOffset, n));
      break;
    case 'F8_E5M2':
    case 'F8_E4M3':
    case 'F8_E4M3FNUZ':
    case 'F8_E5M2FNUZ':
      encodeSmall(dtype, bits, target);
      break;
    case 'F8_E8M0':
      encodeE8M0(bits, target);
      break;
    default:
      encodeIntegers(dtype as Parameters<typeof encodeIntegers>[0], values, buffer, byteOffset);
  }
  if (target !== bytes) bytes.set(target);
  return bytes;
};

/**
 * Floating point formats of 8 and 16 bits as (exponent, mantissa, bias), decoded by table and encoded by rounding once.
 *
 * A code is sign | exponent | mantissa; its value is (-1)^s 2^(max(e, 1) - bias) (m / 2^M + [e > 0]).
 */

import { encodeWith } from '../kernels/encode.js';

/** The formats that differ from float32 by more than their length. */
export type SmallFloat = 'F16' | 'F8_E5M2' | 'F8_E4M3' | 'F8_E4M3FNUZ' | 'F8_E5M2FNUZ';

/** `ieee`: infinities and NaN at the top exponent; `fn`: one NaN at the top code, no infinity; `fnuz`: NaN in place of -0. */
export type Specials = 'ieee' | 'fn' | 'fnuz';

/** Widths and bias of a format. */
export interface FloatFormat {
  readonly exponentBits: number;
  readonly mantissaBits: number;
  readonly bias: number;
  readonly specials: Specials;
}

/** Sources: IEEE 754 binary16; arXiv 2209.05433 (E5M2, E4M3); arXiv 2206.02915 (FNUZ). */
export const FORMATS: Readonly<Record<SmallFloat, FloatFormat>> = {
  F16: { exponentBits: 5, mantissaBits: 10, bias: 15, specials: 'ieee' },
  F8_E5M2: { exponentBits: 5, mantissaBits: 2, bias: 15, specials: 'ieee' },
  F8_E4M3: { exponentBits: 4, mantissaBits: 3, bias: 7, specials: 'fn' },
  F8_E4M3FNUZ: { exponentBits: 4, mantissaBits: 3, bias: 8, specials: 'fnuz' },
  F8_E5M2FNUZ: { exponentBits: 5, mantissaBits: 2, bias: 16, specials: 'fnuz' },
};

const INFINITY_BITS = 0x7f800000;
const QUIET_NAN_BITS = 0x7fc00000;
const scratch = new DataView(new ArrayBuffer(4));

const bitsOfFloat = (x: number): number => {
  scratch.setFloat32(0, x);
  return scratch.getInt32(0);
};

/** float32 bits of one code. IEEE NaN payloads move along, so that encoding gives the code back. */
const decodeCode = ({ exponentBits, mantissaBits, bias, specials }: FloatFormat, code: number): number => {
  const signAt = exponentBits + mantissaBits;
  const sign = code >>> signAt === 0 ? 0 : 0x80000000 | 0;
  const magnitude = code & ((1 << signAt) - 1);
  const e = magnitude >>> mantissaBits;
  const m = magnitude & ((1 << mantissaBits) - 1);
  if (specials === 'ieee' && e === (1 << exponentBits) - 1) return sign | INFINITY_BITS | (m << (23 - mantissaBits));
  if (specials === 'fn' && magnitude === (1 << signAt) - 1) return sign | QUIET_NAN_BITS;
  if (specials === 'fnuz' && magnitude === 0) return sign === 0 ? 0 : QUIET_NAN_BITS;
  const value = 2 ** (Math.max(e, 1) - bias) * (m / 2 ** mantissaBits + (e > 0 ? 1 : 0));
  return sign | bitsOfFloat(value);
};

const tables = new Map<SmallFloat, Int32Array>();

/** float32 bits of every code of a format, built at the first use; 1 KiB for 8 bits, 256 KiB for 16. */
export const decodeTable = (name: SmallFloat): Int32Array => {
  const known = tables.get(name);
  if (known !== undefined) return known;
  const format = FORMATS[name];
  const table = new Int32Array(2 ** (1 + format.exponentBits + format.mantissaBits));
  for (let code = 0; code < table.length; code++) table[code] = decodeCode(format, code);
  tables.set(name, table);
  return table;
};

/** What a magnitude above the largest finite one becomes, and the code of a NaN without payload. */
const specialCodes = ({ exponentBits, mantissaBits, specials }: FloatFormat) => {
  const top = (1 << (exponentBits + mantissaBits)) - 1;
  const infinity = top + 1 - (1 << mantissaBits);
  if (specials === 'ieee')
    return { largest: infinity - 1, overflow: infinity, nan: infinity | (1 << (mantissaBits - 1)) };
  return specials === 'fn'
    ? { largest: top - 1, overflow: top, nan: top }
    : { largest: top, overflow: top + 1, nan: top + 1 };
};

/**
 * Rounds float32 bits to the nearest code, ties to even, as torch casts do: overflow is infinity for `ieee` formats and NaN
 * for the others; NaN keeps its sign and the payload bits that fit.
 */
export const encodeSmall = (name: SmallFloat, bits: Int32Array, out: Uint8Array | Uint16Array): void => {
  const { exponentBits, mantissaBits, bias, specials } = FORMATS[name];
  // without -0 zeros differ too, which the kernel does not know
  if (specials === 'fnuz') {
    encodeSmallReference(name, bits, out);
    return;
  }
  const { overflow } = specialCodes(FORMATS[name]);
  const layout = { mantissaBits, bias, overflow, signAt: exponentBits + mantissaBits };
  encodeWith(layout, bits, out, (x, to) => encodeSmallReference(name, x, to));
};

/** The same in TypeScript: the oracle of kernels/encode.ts, and what runs where it cannot. */
export const encodeSmallReference = (name: SmallFloat, bits: Int32Array, out: Uint8Array | Uint16Array): void => {
  const format = FORMATS[name];
  const { exponentBits, mantissaBits, bias, specials } = format;
  const { largest, overflow, nan } = specialCodes(format);
  const payload = specials === 'ieee' ? (1 << mantissaBits) - 1 : 0;
  const unsignedZero = specials === 'fnuz';
  const signAt = exponentBits + mantissaBits;
  const shift = 23 - mantissaBits;
  const rebias = (127 - bias) << 23;
  const smallestNormal = (128 - bias) << 23;
  const belowHalf = (1 << (shift - 1)) - 1;
  for (let i = 0; i < bits.length; i++) {
    const u = bits[i] as number;
    const a = u & 0x7fffffff;
    let code: number;
    if (a > INFINITY_BITS) {
      const kept = (a >>> shift) & payload;
      code = kept === 0 ? nan : overflow | kept;
    } else if (a >= smallestNormal) {
      const r = a - rebias;
      code = (r + belowHalf + ((r >>> shift) & 1)) >>> shift;
      if (code > largest) code = overflow;
    } else {
      // The result is subnormal: the significand moves right by k places; from 25 places on nothing reaches half a step.
      const k = 128 - bias + shift - (a >>> 23);
      if (k > 24) code = 0;
      else {
        const significand = (a & 0x7fffff) | 0x800000;
        const half = 1 << (k - 1);
        const rest = significand & (half + half - 1);
        code = significand >>> k;
        if (rest > half || (rest === half && (code & 1) === 1)) code++;
      }
      if (code === 0 && unsignedZero) {
        out[i] = 0;
        continue;
      }
    }
    out[i] = code | ((u >>> 31) << signAt);
  }
};

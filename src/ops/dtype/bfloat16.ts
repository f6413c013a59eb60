/**
 * bfloat16: the upper half of a float32. Two elements a step, where the bytes allow it.
 */
import { encodeWith } from '../kernels/encode.js';

const decodeOne = (code: number): number => code << 16;

const encodeOne = (u: number): number => {
  if ((u & 0x7fffffff) <= 0x7f800000) return (u + 0x7fff + ((u >>> 16) & 1)) >>> 16;
  // A NaN whose payload lies in the dropped bits would become infinity.
  return (u & 0x7f0000) === 0 ? (u >>> 16) | 0x40 : u >>> 16;
};

/** float32 bits of n codes at an offset. */
export const decodeBF16 = (buffer: ArrayBufferLike, byteOffset: number, out: Int32Array): void => {
  const n = out.length;
  const paired = byteOffset % 4 === 0 ? n >> 1 : 0;
  const words = paired === 0 ? new Int32Array(0) : new Int32Array(buffer, byteOffset, paired);
  for (let i = 0, j = 0; i < words.length; i++, j += 2) {
    const w = words[i] as number;
    out[j] = w << 16;
    out[j + 1] = w & 0xffff0000;
  }
  const codes = new Uint16Array(buffer, byteOffset, n);
  for (let i = 2 * paired; i < n; i++) out[i] = decodeOne(codes[i] as number);
};

/** Codes of float32 bits, rounded to nearest even, NaN kept, in TypeScript: the oracle of kernels/encode.ts, and what runs where it cannot. */
export const encodeBF16Reference = (bits: Int32Array, codes: Uint8Array | Uint16Array): void => {
  const n = bits.length;
  const { buffer, byteOffset } = codes;
  const paired = byteOffset % 4 === 0 ? n >> 1 : 0;
  const words = paired === 0 ? new Int32Array(0) : new Int32Array(buffer, byteOffset, paired);
  let most = 0;
  for (let i = 0, j = 0; i < words.length; i++, j += 2) {
    const u = bits[j] as number;
    const v = bits[j + 1] as number;
    const a = u & 0x7fffffff;
    const b = v & 0x7fffffff;
    most = a > most ? a : most;
    most = b > most ? b : most;
    words[i] = ((u + 0x7fff + ((u >>> 16) & 1)) >>> 16) | ((v + 0x7fff + ((v >>> 16) & 1)) & 0xffff0000);
  }
  // the fast rounding carries a NaN's payload into its sign: with one among them, all are done again with care
  for (let i = most > 0x7f800000 ? 0 : 2 * paired; i < n; i++) codes[i] = encodeOne(bits[i] as number);
};

/** Codes of float32 bits, rounded to nearest even, NaN kept. */
export const encodeBF16 = (bits: Int32Array, buffer: ArrayBufferLike, byteOffset: number): void =>
  encodeWith(undefined, bits, new Uint16Array(buffer, byteOffset, bits.length), encodeBF16Reference);

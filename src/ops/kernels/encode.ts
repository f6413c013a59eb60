/**
 * float32 to shorter formats through kernels/encode.ts, some thousand values at a time.
 */
import { wasm } from './encode-wasm.js';
import { instantiateNow } from './instantiate.js';

/** How a format of one or two bytes lies: `overflow` is the code, without sign, of what is above its largest number. */
export interface CodeLayout {
  readonly mantissaBits: number;
  readonly bias: number;
  readonly overflow: number;
  readonly signAt: number;
}

/** Fills `out` with the codes of float32 bits. */
export type Encode = (bits: Int32Array, out: Uint8Array | Uint16Array) => void;

/** The functions of kernels/encode.ts. */
interface EncodeExports {
  readonly memory: WebAssembly.Memory;
  readonly from: () => number;
  readonly to: () => number;
  readonly encodeBF16: (n: number) => number;
  readonly encodeSmall: (n: number, mantissa: number, bias: number, overflow: number, signAt: number) => number;
}

/** Values of one block: they and their codes stay in the cache. */
const BLOCK = 16_384;

/** Below this many values the reference is as quick. */
const FEW = 64;

const INFINITY_BITS = 0x7f800000;

const opened: { kernel?: EncodeExports | undefined } = {};

const kernel = (): EncodeExports | undefined => {
  if (typeof WebAssembly === 'undefined') return undefined;
  opened.kernel ??= instantiateNow(wasm) as EncodeExports | undefined;
  return opened.kernel;
};

/**
 * Encodes by the kernel; by `reference`, whose codes are the same, where WebAssembly has no SIMD, for blocks with a NaN, and for few values.
 *
 * @param layout of the format; undefined for bfloat16
 */
export const encodeWith = (
  layout: CodeLayout | undefined,
  bits: Int32Array,
  out: Uint8Array | Uint16Array,
  reference: Encode,
): void => {
  const k = bits.length < FEW ? undefined : kernel();
  if (k === undefined) {
    reference(bits, out);
    return;
  }
  const values = new Int32Array(k.memory.buffer, k.from(), BLOCK);
  const codes = new (out instanceof Uint16Array ? Uint16Array : Uint8Array)(k.memory.buffer, k.to(), BLOCK);
  for (let start = 0; start < bits.length; start += BLOCK) {
    const part = bits.subarray(start, start + BLOCK);
    values.set(part);
    // whole vectors, whose last values are not taken
    const n = Math.ceil(part.length / 16) * 16;
    values.fill(0, part.length, n);
    const largest =
      layout === undefined
        ? k.encodeBF16(n)
        : k.encodeSmall(n, layout.mantissaBits, layout.bias, layout.overflow, layout.signAt);
    const place = out.subarray(start, start + part.length);
    if (largest > INFINITY_BITS) reference(part, place);
    else place.set(codes.subarray(0, part.length));
  }
};

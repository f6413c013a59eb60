/**
 * Conversion of storage types, against loops as one writes them at first.
 */
import { decodeFloats, encodeFloats, type DType } from '../../src/ops/dtype.js';
import { hashed } from '../hashed.js';
import { array } from '../made.js';
import type { Operation } from './operation.js';

const N = 2 ** 20;

const values = (): Float32Array => hashed(1, [N]);

const littleEndian = true;

const bytes = (n: number, size: number, set: (view: DataView, i: number) => void): Uint8Array => {
  const view = new DataView(new ArrayBuffer(n * size));
  for (let i = 0; i < n; i++) set(view, i);
  return new Uint8Array(view.buffer);
};

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, byteLength);

const scratch = new DataView(new ArrayBuffer(4));

/** (-1)^s 2^(max(e, 1) - bias) (m / 2^M + [e > 0]) of a code with E exponent and M mantissa bits. */
const floatOf = (code: number, E: number, M: number): number => {
  const [sign, e, m] = [code >> (E + M) === 0 ? 1 : -1, (code >> M) & (2 ** E - 1), code & (2 ** M - 1)];
  return sign * 2 ** (Math.max(e, 1) - 2 ** (E - 1) + 1) * (m / 2 ** M + (e > 0 ? 1 : 0));
};

/** The nearest code of a finite float, ties to even. */
const codeOf = (x: number, E: number, M: number): number => {
  const bias = 2 ** (E - 1) - 1;
  const a = Math.abs(x);
  const e = Math.max(Math.floor(Math.log2(a)), 1 - bias);
  const steps = a / 2 ** (e - M);
  const down = Math.floor(steps);
  const rest = steps - down;
  const m = rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down;
  const magnitude = m + (e + bias - 1) * 2 ** M;
  return magnitude + (x < 0 ? 2 ** (E + M) : 0);
};

interface PlainLoop {
  readonly decode: (from: Uint8Array) => Float32Array;
  readonly encode: (from: Float32Array) => Uint8Array;
}

const small = (size: 1 | 2, E: number, M: number): PlainLoop => ({
  decode: (from) => {
    const view = viewOf(from);
    const read = (i: number): number => (size === 1 ? view.getUint8(i) : view.getUint16(2 * i, littleEndian));
    return Float32Array.from({ length: from.length / size }, (_, i) => floatOf(read(i), E, M));
  },
  encode: (from) =>
    bytes(from.length, size, (view, i) => {
      const code = codeOf(from[i] as number, E, M);
      if (size === 1) view.setUint8(i, code);
      else view.setUint16(2 * i, code, littleEndian);
    }),
});

const bf16: PlainLoop = {
  decode: (from) => {
    const view = viewOf(from);
    const out = new Float32Array(from.length / 2);
    for (let i = 0; i < out.length; i++) {
      scratch.setUint16(2, view.getUint16(2 * i, littleEndian), littleEndian);
      out[i] = scratch.getFloat32(0, littleEndian);
    }
    return out;
  },
  encode: (from) =>
    bytes(from.length, 2, (view, i) => {
      scratch.setFloat32(0, from[i] as number, littleEndian);
      const bits = scratch.getUint32(0, littleEndian);
      view.setUint16(2 * i, (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16, littleEndian);
    }),
};

const pair = (dtype: DType, loop: PlainLoop): ReadonlyArray<Operation> => [
  {
    name: `decode ${dtype}, 2^20 elements`,
    against: 'a plain loop',
    prepare: (side) => {
      const stored = encodeFloats(dtype, values());
      return () => array(side === 'weft' ? decodeFloats(dtype, stored) : loop.decode(stored));
    },
  },
  {
    name: `encode ${dtype}, 2^20 elements`,
    against: 'a plain loop',
    prepare: (side) => {
      const x = values();
      return () => array(side === 'weft' ? encodeFloats(dtype, x) : loop.encode(x));
    },
  },
];

/** The types that weights are published in. */
export const dtypeOperations: ReadonlyArray<Operation> = [
  ...pair('BF16', bf16),
  ...pair('F16', small(2, 5, 10)),
  ...pair('F8_E4M3', small(1, 4, 3)),
];

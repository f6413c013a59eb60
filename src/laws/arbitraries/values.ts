/**
 * Numbers that find mistakes: of both signs, zeros, subnormals, and a thousand times smaller than their neighbours.
 */
import { bits, key } from '../../ops/random.js';

/** How numbers are drawn: a seed, and the size of ordinary ones. */
export interface Draw {
  readonly seed: number;
  readonly scale: number;
  /** Leaves subnormals out, for backends that flush them. */
  readonly normal?: boolean;
}

/** One number from 32 random bits: the low five choose what it is, the others what it is like. */
const numberOf = (word: number, { scale, normal }: Draw): number => {
  const kind = word & 31;
  const u = ((word >>> 8) + 0.5) * 2 ** -23 - 1;
  if (kind === 0) return (word & 32) === 0 ? 0 : -0;
  if (kind === 1) return normal === true ? 0 : u * 2 ** -127;
  return Math.fround(kind < 6 ? u * scale * 1e-3 : u * scale);
};

/**
 * `n` float32 numbers in (-scale, scale) by seed: 1 in 32 is a zero of either sign, 1 in 32 a subnormal, 1 in 8 a
 * thousand times smaller than the rest.
 */
export const drawValues = (draw: Draw, n: number): Float32Array =>
  Float32Array.from(bits(key(draw.seed), n), (word) => numberOf(word, draw));

/** The same, with an ordinary number in every row and column of [rows, columns], so that no norm of them vanishes. */
export const drawAwake = (draw: Draw, rows: number, columns: number): Float32Array => {
  const values = drawValues(draw, rows * columns);
  const wake = (i: number): void => {
    const v = values[i] as number;
    if (Math.abs(v) < draw.scale / 16)
      values[i] = Math.fround((v < 0 ? -1 : 1) * (draw.scale / 3 + (i % 7) * (draw.scale / 31)));
  };
  for (let i = 0; i < Math.max(rows, columns); i++) if (rows * columns > 0) wake((i % rows) * columns + (i % columns));
  return values;
};

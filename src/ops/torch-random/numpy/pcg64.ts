/**
 * PCG64, the bit generator of numpy's `default_rng`: a linear congruential step of 128 bits, and of each state 64 bits,
 * folded and rotated (XSL-RR).
 *
 * Numbers of 128 bits are eight digits of 16 bits, lowest first: products of digits and their sums are exact.
 *
 * Source: O'Neill, "PCG: a family of simple fast space-efficient statistically good algorithms" (2014).
 */
import { seedWords } from './seed-sequence.js';

/** A PCG64 generator; drawing advances it. */
export interface Pcg64 {
  /** The next 32 random bits, an integer in [0, 2^32): the low half of a state's 64 bits, then the high half. */
  readonly next32: () => number;
  /** A second generator in the same state, independent from here on. */
  readonly clone: () => Pcg64;
}

const DIGITS = 8;

const digitsOf = (value: bigint): Uint16Array =>
  Uint16Array.from({ length: DIGITS }, (_, i) => Number((value >> BigInt(16 * i)) & 0xffffn));

const MULTIPLIER = digitsOf(0x2360ed051fc65da44385df649fccf645n);

/** The state after `state`: `state * multiplier + increment mod 2^128`. */
const step = (state: Uint16Array, increment: Uint16Array): Uint16Array => {
  const next = new Uint16Array(DIGITS);
  let carry = 0;
  for (let i = 0; i < DIGITS; i++) {
    let sum = carry + (increment[i] as number);
    for (let j = 0; j <= i; j++) sum += (state[j] as number) * (MULTIPLIER[i - j] as number);
    carry = Math.floor(sum / 2 ** 16);
    next[i] = sum - carry * 2 ** 16;
  }
  return next;
};

/** 32 bits of the state from digit `i` on. */
const wordAt = (state: Uint16Array, i: number): number => (state[i] as number) | ((state[i + 1] as number) << 16);

/** The low and the high word of `rotateRight(high half ^ low half, top 6 bits)`. */
const output = (state: Uint16Array): readonly [low: number, high: number] => {
  const low = wordAt(state, 0) ^ wordAt(state, 4);
  const high = wordAt(state, 2) ^ wordAt(state, 6);
  const turn = (state[DIGITS - 1] as number) >>> 10;
  const [a, b] = turn < 32 ? [low, high] : [high, low];
  const bits = turn % 32;
  // Shifts by 32 would be shifts by 0.
  return bits === 0
    ? [a >>> 0, b >>> 0]
    : [((a >>> bits) | (b << (32 - bits))) >>> 0, ((b >>> bits) | (a << (32 - bits))) >>> 0];
};

const resume = (start: Uint16Array, increment: Uint16Array, kept: number | undefined): Pcg64 => {
  let state = start;
  let high = kept;
  return {
    next32: () => {
      if (high !== undefined) {
        const word = high;
        high = undefined;
        return word;
      }
      state = step(state, increment);
      const [low, rest] = output(state);
      high = rest;
      return low;
    },
    clone: () => resume(state, increment, high),
  };
};

/** The generator of `np.random.default_rng(seed)`; throws a `RangeError` for a negative seed. */
export const pcg64 = (seed: number | bigint): Pcg64 => {
  const words = seedWords(seed, 8);
  const pair = (i: number): bigint => (BigInt(words[i + 1] as number) << 32n) | BigInt(words[i] as number);
  const increment = (((pair(4) << 64n) | pair(6)) << 1n) | 1n;
  // The reference seeding: one step from 0 gives the increment, then the seed is added and another step made.
  const state = digitsOf(increment + ((pair(0) << 64n) | pair(2)));
  return resume(step(state, digitsOf(increment)), digitsOf(increment), undefined);
};

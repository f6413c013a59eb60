/**
 * The Mersenne Twister MT19937: 624 words of state, 32 bits a draw. It drives torch's CPU generator and numpy's
 * `RandomState`.
 *
 * Source: Matsumoto, Nishimura, "Mersenne Twister" (ACM TOMACS 8, 1998), with the seeding of 2002 (`init_genrand`).
 */

/** A Mersenne Twister; drawing advances it. */
export interface Mt19937 {
  /** The next 32 random bits, an integer in [0, 2^32). */
  readonly next: () => number;
  /** Passes over the next `n` outputs. It costs nothing until the next draw. */
  readonly skip: (n: number) => void;
  /** A second twister in the same state, independent from here on. */
  readonly clone: () => Mt19937;
}

const SIZE = 624;
const MIDDLE = 397;
const LOW_BITS = 0x7fffffff;
const TWIST = 0x9908b0df | 0;

const seeded = (seed: number): Int32Array => {
  const state = new Int32Array(SIZE);
  let word = seed | 0;
  state[0] = word;
  for (let i = 1; i < SIZE; i++) {
    word = (Math.imul(1812433253, word ^ (word >>> 30)) + i) | 0;
    state[i] = word;
  }
  return state;
};

/** The new word of the recurrence from the words at `i`, `i + 1` and `i + 397`. */
const twist = (here: number, next: number, middle: number): number => {
  const joined = (here & ~LOW_BITS) | (next & LOW_BITS);
  return middle ^ (joined >>> 1) ^ (-(joined & 1) & TWIST);
};

/** Replaces all words of the state by the next 624, in place; three loops, as a remainder at every word is slow. */
const advance = (state: Int32Array): void => {
  const word = (i: number): number => state[i] as number;
  const wrap = SIZE - MIDDLE;
  for (let i = 0; i < wrap; i++) state[i] = twist(word(i), word(i + 1), word(i + MIDDLE));
  for (let i = wrap; i < SIZE - 1; i++) state[i] = twist(word(i), word(i + 1), word(i - wrap));
  state[SIZE - 1] = twist(word(SIZE - 1), word(0), word(MIDDLE - 1));
};

/** Spreads the entropy of a word over its bits. */
const temper = (word: number): number => {
  let y = word;
  y ^= y >>> 11;
  y ^= (y << 7) & 0x9d2c5680;
  y ^= (y << 15) & 0xefc60000;
  return (y ^ (y >>> 18)) >>> 0;
};

const resume = (state: Int32Array, used: number): Mt19937 => {
  let index = used;
  return {
    next: () => {
      while (index >= SIZE) {
        advance(state);
        index -= SIZE;
      }
      return temper(state[index++] as number);
    },
    skip: (n) => {
      index += n;
    },
    clone: () => resume(state.slice(), index),
  };
};

/** A Mersenne Twister from a seed of 32 bits; higher bits are ignored. */
export const mt19937 = (seed: number): Mt19937 => resume(seeded(seed), SIZE);

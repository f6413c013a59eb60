/**
 * numpy's `SeedSequence`: hashes a seed of any length into as many words as a generator needs.
 *
 * Source: O'Neill, "Developing a seed_seq alternative" (2015), with the constants of numpy.
 */

/** Words of the entropy pool. */
const POOL = 4;

/** A hash that multiplies by a constant which itself changes at every call. */
const multiplyHash = (start: number, step: number): ((value: number) => number) => {
  let constant = start;
  return (value) => {
    const mixed = value ^ constant;
    constant = Math.imul(constant, step);
    const product = Math.imul(mixed, constant);
    return product ^ (product >>> 16);
  };
};

const mix = (x: number, y: number): number => {
  const sum = Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y);
  return sum ^ (sum >>> 16);
};

/** Words of 32 bits of a seed, lowest first; 0 is one word. */
const wordsOf = (seed: bigint): ReadonlyArray<number> => {
  const rest = seed >> 32n;
  return [Number(seed & 0xffffffffn), ...(rest === 0n ? [] : wordsOf(rest))];
};

const poolOf = (words: ReadonlyArray<number>): Int32Array => {
  const hash = multiplyHash(0x43b0d7e5, 0x931e8875);
  const pool = Int32Array.from({ length: POOL }, (_, i) => hash(words[i] ?? 0));
  for (let from = 0; from < POOL; from++) {
    for (let to = 0; to < POOL; to++) {
      if (from !== to) pool[to] = mix(pool[to] as number, hash(pool[from] as number));
    }
  }
  for (const word of words.slice(POOL)) {
    for (let to = 0; to < POOL; to++) pool[to] = mix(pool[to] as number, hash(word));
  }
  return pool;
};

/**
 * `n` words of 32 bits, as `np.random.SeedSequence(seed).generate_state(n)`.
 *
 * Throws a `RangeError` for a negative seed, and for a number that is not a safe integer.
 */
export const seedWords = (seed: number | bigint, n: number): Uint32Array => {
  if ((typeof seed === 'number' && !Number.isSafeInteger(seed)) || seed < 0) {
    throw new RangeError(`a seed of numpy is an integer from 0, a bigint beyond 2^53; found ${seed}`);
  }
  const pool = poolOf(wordsOf(BigInt(seed)));
  const hash = multiplyHash(0x8b51f9dd, 0x58f38ded);
  return Uint32Array.from({ length: n }, (_, i) => hash(pool[i % POOL] as number));
};

/**
 * torch's CPU generator as a value that is passed in: the Mersenne Twister and the second half of the last pair of normals.
 *
 * Everything in this folder reproduces torch 2.13 on x86-64 with AVX2 bit for bit. Some PEFT checkpoints leave out tensors
 * that loading must draw again; a key of `random.ts` is the choice for anything new.
 */
import { mt19937, type Mt19937 } from './mt19937.js';

/**
 * A CPU generator of torch. Drawing advances this generator and nothing else, so the order of draws matters; `clone` it
 * to keep a state.
 */
export interface TorchGenerator {
  /** The next 32 random bits, an integer in [0, 2^32). */
  readonly random: () => number;
  /** Passes over `n` outputs of `random`. It costs nothing until the next draw. */
  readonly skip: (n: number) => void;
  /** The next standard normal number of the scalar path, in float64; two come from one pair of uniform numbers. */
  readonly normal: () => number;
  /** A second generator in the same state, independent from here on. */
  readonly clone: () => TorchGenerator;
}

/** The seed of a `torch.Generator()` that nobody seeded. */
export const TORCH_DEFAULT_SEED = 67280421310721;

/** A uniform number in [0, 1) with 53 random bits; of its two words the first is the high one. */
const uniform53 = (bits: Mt19937): number => {
  const high = bits.next() & 0x1fffff;
  return (high * 2 ** 32 + bits.next()) * 2 ** -53;
};

const resume = (bits: Mt19937, kept: number | undefined): TorchGenerator => {
  let cached = kept;
  return {
    random: bits.next,
    skip: bits.skip,
    normal: () => {
      if (cached !== undefined) {
        const second = cached;
        cached = undefined;
        return second;
      }
      const turn = 2 * Math.PI * uniform53(bits);
      const radius = Math.sqrt(-2 * Math.log1p(-uniform53(bits)));
      cached = radius * Math.sin(turn);
      return radius * Math.cos(turn);
    },
    clone: () => resume(bits.clone(), cached),
  };
};

/**
 * The generator after `torch.Generator().manual_seed(seed)`, or `torch.manual_seed(seed)`.
 *
 * `seed` is an integer in [-2^63, 2^64), as torch demands; a bigint where it is beyond 2^53. torch uses its lowest 32 bits.
 * Throws a `RangeError` for anything else.
 */
export const torchGenerator = (seed: number | bigint): TorchGenerator => {
  const whole = typeof seed === 'bigint' || Number.isSafeInteger(seed);
  if (!whole || seed < -(2n ** 63n) || seed >= 2n ** 64n) {
    throw new RangeError(`a seed is an integer in [-2^63, 2^64), a bigint beyond 2^53; found ${seed}`);
  }
  return resume(mt19937(Number(BigInt.asUintN(32, BigInt(seed)))), undefined);
};

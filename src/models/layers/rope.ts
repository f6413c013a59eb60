/**
 * Rotary position embeddings: frequencies of every variant as plain numbers.
 *
 * Numbers are rounded to float32 where transformers rounds them, since models were trained with those frequencies.
 * Source: Su et al., RoFormer (arXiv 2104.09864); the variants are named at each function.
 */

/** How frequencies are stretched beyond the trained context. Positions are counted in tokens. */
export type RopeScaling =
  | { readonly _tag: 'Default' }
  | { readonly _tag: 'Linear'; readonly factor: number }
  | { readonly _tag: 'Dynamic'; readonly factor: number; readonly maxPositions: number }
  | {
      readonly _tag: 'Yarn';
      readonly factor: number;
      readonly attentionFactor: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      readonly truncate: boolean;
      readonly originalPositions: number;
    }
  | {
      readonly _tag: 'Llama3';
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      readonly originalPositions: number;
    }
  | {
      readonly _tag: 'LongRope';
      readonly shortFactor: ReadonlyArray<number>;
      readonly longFactor: ReadonlyArray<number>;
      readonly attentionFactor: number;
      readonly originalPositions: number;
    };

/** Rotary embeddings of a model: base theta, the number of rotated channels of a head (even), and the scaling. */
export interface Rope {
  readonly theta: number;
  readonly dim: number;
  readonly scaling: RopeScaling;
}

const f32 = Math.fround;

/** theta^(2i/dim) for i = 0 .. dim/2 - 1. */
const periods = (theta: number, dim: number): ReadonlyArray<number> =>
  Array.from({ length: dim / 2 }, (_, i) => f32(theta ** f32((2 * i) / dim)));

const inverse = (xs: ReadonlyArray<number>): ReadonlyArray<number> => xs.map((x) => f32(1 / x));

/** NTK-aware base: theta (s L / L0 - (s - 1))^(dim / (dim - 2)), L at least L0 = maxPositions. */
const dynamicTheta = ({ theta, dim }: Rope, factor: number, maxPositions: number, length: number): number =>
  theta * ((factor * Math.max(length, maxPositions)) / maxPositions - (factor - 1)) ** (dim / (dim - 2));

/** YaRN, "NTK by parts" (Peng et al., arXiv 2309.00071, section 3.2): a ramp from interpolated to kept frequencies. */
const yarn = ({ theta, dim }: Rope, s: Extract<RopeScaling, { _tag: 'Yarn' }>): ReadonlyArray<number> => {
  const channelOf = (rotations: number): number =>
    (dim * Math.log(s.originalPositions / (rotations * 2 * Math.PI))) / (2 * Math.log(theta));
  const bound = (rotations: number, round: (x: number) => number): number =>
    s.truncate ? round(channelOf(rotations)) : channelOf(rotations);
  const low = Math.max(bound(s.betaFast, Math.floor), 0);
  const high = Math.min(bound(s.betaSlow, Math.ceil), dim - 1);
  const width = low === high ? 0.001 : high - low;
  return periods(theta, dim).map((p, i) => {
    const ramp = Math.min(Math.max((i - low) / width, 0), 1);
    return f32(ramp / (s.factor * p) + (1 - ramp) / p);
  });
};

/** Llama 3.1: long waves are stretched by the factor, short ones kept, those between interpolated. */
const llama3 = (rope: Rope, s: Extract<RopeScaling, { _tag: 'Llama3' }>): ReadonlyArray<number> =>
  inverse(periods(rope.theta, rope.dim)).map((f) => {
    const wavelength = (2 * Math.PI) / f;
    if (wavelength < s.originalPositions / s.highFreqFactor) return f;
    if (wavelength > s.originalPositions / s.lowFreqFactor) return f32(f / s.factor);
    const smooth = (s.originalPositions / wavelength - s.lowFreqFactor) / (s.highFreqFactor - s.lowFreqFactor);
    return f32(((1 - smooth) * f) / s.factor + smooth * f);
  });

/**
 * Angle of one step for every rotated pair of channels.
 *
 * @param length tokens in the sequence (largest position + 1); only Dynamic and LongRope read it
 * @returns dim / 2 frequencies in radians a token
 */
export const frequencies = (rope: Rope, length: number): ReadonlyArray<number> => {
  const { theta, dim, scaling: s } = rope;
  switch (s._tag) {
    case 'Default':
      return inverse(periods(theta, dim));
    case 'Linear': // positions divided by the factor (Chen et al., arXiv 2306.15595)
      return inverse(periods(theta, dim)).map((f) => f32(f / s.factor));
    case 'Dynamic':
      return inverse(periods(dynamicTheta(rope, s.factor, s.maxPositions, length), dim));
    case 'Yarn':
      return yarn(rope, s);
    case 'Llama3':
      return llama3(rope, s);
    case 'LongRope': {
      // one searched factor a frequency (Ding et al., arXiv 2402.13753)
      const factors = length > s.originalPositions ? s.longFactor : s.shortFactor;
      return inverse(periods(theta, dim).map((p, i) => f32((factors[i] as number) * p)));
    }
  }
};

/** What cosines and sines are multiplied by; 1 for all variants but YaRN and LongRope. */
export const attentionFactor = ({ scaling }: Rope): number =>
  scaling._tag === 'Yarn' || scaling._tag === 'LongRope' ? scaling.attentionFactor : 1;

/**
 * From the logits of one position to the next token: greedy, or drawn from a distribution that was cut down first.
 */
import type { Key } from '../ops/random.js';
import { problem, type Problem } from '../problem.js';

/** How a token is drawn. The filters apply in this order, as in transformers: temperature, top-k, top-p. */
export interface Sampling {
  /** Randomness of the whole generation; the same key gives the same tokens. */
  readonly key: Key;
  /** tau in softmax(z / tau), at least 0; 1 by default, and 0 is the limit, where the most probable token always wins. */
  readonly temperature?: number | undefined;
  /** Only the k most probable tokens stay, and those as probable as the last of them; all when absent. */
  readonly topK?: number | undefined;
  /** Only the fewest most probable tokens stay whose probabilities add up to p, in (0, 1]; all when absent. */
  readonly topP?: number | undefined;
}

/** What cuts a distribution down. */
export type Filters = Omit<Sampling, 'key'>;

/** The problems with filters; `at` says where they come from. */
export const filterProblems = (at: string, { temperature, topK, topP }: Filters): ReadonlyArray<Problem> => {
  const check = (name: string, value: number | undefined, expected: string, holds: (x: number) => boolean) =>
    value === undefined || holds(value) ? [] : [problem(`${at}${name}`, expected, String(value))];
  return [
    ...check('temperature', temperature, 'a number of at least 0', (x) => Number.isFinite(x) && x >= 0),
    ...check('topK', topK, 'an integer of at least 1', (x) => Number.isSafeInteger(x) && x >= 1),
    ...check('topP', topP, 'a number in (0, 1]', (x) => x > 0 && x <= 1),
  ];
};

/** The index of the largest logit; the first of several. */
export const argmax = (z: Float32Array): number => z.reduce((best, x, i) => (x > (z[best] as number) ? i : best), 0);

/** The tokens that top-k keeps. */
const kept = (z: Float32Array, k: number | undefined): ReadonlyArray<number> => {
  const least = k === undefined || k >= z.length ? -Infinity : (z.toSorted()[z.length - k] as number);
  return [...z.keys()].filter((i) => (z[i] as number) >= least);
};

/** The fewest of `tokens`, most probable first (of equals, the first), whose weights reach p of the total. */
const nucleus = (tokens: ReadonlyArray<number>, weights: Float64Array, p: number): ReadonlyArray<number> => {
  const weight = (i: number): number => weights[i] as number;
  const falling = tokens.toSorted((i, j) => weight(j) - weight(i) || i - j);
  const enough = p * falling.reduce((sum, i) => sum + weight(i), 0);
  const top: number[] = [];
  for (let sum = 0, n = 0; n < falling.length && (n === 0 || sum < enough); n++) {
    const i = falling[n] as number;
    top.push(i);
    sum += weight(i);
  }
  return top;
};

/**
 * The distribution from which the next token is drawn, in float64: softmax(z / tau) over the tokens that the filters keep.
 *
 * Source of top-p: Holtzman et al., arXiv 1904.09751.
 *
 * @param z logits of one position, [vocabulary]
 * @returns probabilities, [vocabulary]; 0 for tokens that were cut
 */
export const distribution = (z: Float32Array, { temperature = 1, topK, topP = 1 }: Filters): Float64Array => {
  const p = new Float64Array(z.length);
  const best = argmax(z);
  if (temperature === 0) {
    p[best] = 1;
    return p;
  }
  const top = z[best] as number;
  const weights = Float64Array.from(z, (x) => Math.exp((x - top) / temperature));
  const tokens = kept(z, topK);
  const chosen = topP < 1 ? nucleus(tokens, weights, topP) : tokens;
  const total = chosen.reduce((sum, i) => sum + (weights[i] as number), 0);
  for (const i of chosen) p[i] = (weights[i] as number) / total;
  return p;
};

/** The smallest token whose cumulative probability exceeds u, by inversion; u in [0, 1). */
export const draw = (p: Float64Array, u: number): number => {
  let last = 0;
  for (let i = 0, sum = 0; i < p.length; i++) {
    if (p[i] === 0) continue;
    sum += p[i] as number;
    if (u < sum) return i;
    last = i; // rounding can leave the sum just below u
  }
  return last;
};

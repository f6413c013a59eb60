/**
 * Generation: the loop around `prefill` and `step` that reads logits, chooses tokens and frees what it is through with.
 */
import type { ModelWeights } from '../adapters/attached.js';
import { E } from '../fp.js';
import { read, scope } from '../ops/backend.js';
import { bits, split } from '../ops/random.js';
import { fail, orProblems, problem, type Problem, type Result } from '../problem.js';
import { cacheLength } from './cache.js';
import { disposeDecoding, prefill, step, type PrefillOptions, type Sequences } from './decode.js';
import type { LanguageModel } from './model.js';
import { disposePrepared, prepareForDecode } from './prepare.js';
import { argmax, distribution, draw, filterProblems, type Sampling } from './sampling.js';

/** How long to go on and how to choose. */
export interface GenerateOptions extends PrefillOptions {
  /** Tokens of a sequence at most, at least 1. */
  readonly maxNewTokens: number;
  /** Draws tokens; without it the most probable one is taken. */
  readonly sampling?: Sampling | undefined;
  /** Tokens that end a sequence. */
  readonly eosTokenId?: number | ReadonlyArray<number> | undefined;
  /** Told the tokens of each step, `undefined` for sequences that have ended. */
  readonly onToken?: ((tokens: ReadonlyArray<number | undefined>) => void) | undefined;
}

const promptProblems = (prompts: Sequences): ReadonlyArray<Problem> =>
  prompts.length === 0
    ? [problem('prompts', 'at least one sequence', 'none')]
    : prompts.flatMap((ids, i) => {
        const wrong = ids.find((id) => !Number.isSafeInteger(id) || id < 0);
        if (ids.length === 0) return [problem(`prompts.${i}`, 'at least one token', 'none')];
        return wrong === undefined ? [] : [problem(`prompts.${i}`, 'token ids of at least 0', String(wrong))];
      });

const lengthProblems = (model: LanguageModel, prompts: Sequences, o: GenerateOptions): ReadonlyArray<Problem> => {
  if (!Number.isSafeInteger(o.maxNewTokens) || o.maxNewTokens < 1)
    return [problem('maxNewTokens', 'an integer of at least 1', String(o.maxNewTokens))];
  const { positions = Infinity } = model.geometry;
  const longest = Math.max(0, ...prompts.map((ids) => ids.length)) + cacheLength(o.past);
  // The last token is not read.
  return longest + o.maxNewTokens - 1 <= positions
    ? []
    : [problem('maxNewTokens', `at most ${positions} positions in all`, `${longest} and ${o.maxNewTokens} new tokens`)];
};

/** Uniform numbers in (0, 1), one for each sequence, the same whatever the others are. */
const uniforms = (key: Sampling['key'], n: number): ReadonlyArray<number> =>
  Array.from(bits(key, n), (b) => (b + 0.5) * 2 ** -32);

const chosen = (logits: Float32Array, B: number, sampling: Sampling | undefined, key: Sampling['key'] | undefined) => {
  const V = logits.length / B;
  const rows = Array.from({ length: B }, (_, i) => logits.subarray(i * V, (i + 1) * V));
  if (sampling === undefined || key === undefined) return rows.map(argmax);
  const u = uniforms(key, B);
  return rows.map((z, i) => draw(distribution(z, sampling), u[i] as number));
};

/** Lets the event loop turn, so that pages repaint and signals arrive. */
const breathe = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

/** Steps between two turns of the event loop; a timer takes about a millisecond. */
const STEPS_A_TURN = 8;

const decode = async (
  model: LanguageModel,
  weights: ModelWeights,
  prompts: Sequences,
  options: GenerateOptions,
): Promise<Result<Sequences>> => {
  const { sampling, eosTokenId = [], maxNewTokens } = options;
  const ends = new Set([eosTokenId].flat());
  const sequences: number[][] = prompts.map(() => []);
  const hasEnded = (ids: ReadonlyArray<number>): boolean => ids.length > 0 && ends.has(ids[ids.length - 1] as number);
  let rest = sampling?.key;
  let state = scope(() => prefill(model, weights, prompts, options));
  try {
    for (let n = 1; ; n++) {
      const [next, now] = rest === undefined ? [] : split(rest);
      rest = next;
      const logits = await read(state.logits);
      if (logits.some(Number.isNaN)) return fail('logits', 'numbers', 'NaN', 'Are the weights and the adapter whole?');
      const tokens = chosen(logits, prompts.length, sampling, now);
      const running = sequences.map((ids) => !hasEnded(ids));
      sequences.forEach((ids, i) => (running[i] === true ? ids.push(tokens[i] as number) : undefined));
      options.onToken?.(tokens.map((id, i) => (running[i] === true ? id : undefined)));
      if (n === maxNewTokens || sequences.every(hasEnded)) return E.right(sequences);
      const before = state;
      state = scope(() => step(model, weights, tokens, before));
      disposeDecoding(before);
      if (n % STEPS_A_TURN === 0) await breathe();
    }
  } finally {
    disposeDecoding(state);
  }
};

/**
 * Continues prompts token by token.
 *
 * Memory: the cache is kept once; weights are copied in another layout where that makes decoding faster (`prepareForDecode`).
 * `weights` and `past` stay the caller's. Sliding windows count padding as tokens, as transformers does.
 *
 * Errors: empty prompts, options out of range, more tokens than the model has positions, logits that are not numbers.
 *
 * @param prompts token ids, each in [0, vocabulary); sequences of different lengths are padded on the left
 * @returns the new tokens of each sequence, its end token included
 */
export const generate = async (
  model: LanguageModel,
  weights: ModelWeights,
  prompts: Sequences,
  options: GenerateOptions,
): Promise<Result<Sequences>> => {
  const checked = orProblems(
    [
      ...promptProblems(prompts),
      ...lengthProblems(model, prompts, options),
      ...filterProblems('sampling.', options.sampling ?? {}),
    ],
    () => undefined,
  );
  if (E.isLeft(checked)) return checked;
  const prepared = prepareForDecode(model, weights);
  try {
    return await decode(model, prepared, prompts, options);
  } finally {
    disposePrepared(prepared, weights);
  }
};

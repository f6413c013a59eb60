/**
 * Checking laws on adapters at hand.
 */
import { joinOf, leavesOf, type Adapter } from '../adapters/adapter.js';
import type { ModelSpec } from '../models/spec.js';
import { key } from '../ops/random.js';
import type { Weights } from '../ops/tensor.js';
import { noLessLawful, type Law, type Subject } from './law.js';
import { laws } from './laws.js';
import { weft } from './operations.js';
import type { Verdict } from './verdict.js';

/** Adapters at hand and the base that they were checked against. */
export interface AtHand {
  readonly base: ModelSpec;
  readonly weights: Weights;
  /** The first is what the laws are about; others stand beside it where a law is about two or three. */
  readonly adapters: readonly [Adapter, ...Adapter[]];
  /** Seed of the inputs and numbers that laws draw; 0 by default. */
  readonly seed?: number;
}

/**
 * The verdict of every law that is about these adapters: those whose algebra allows it.
 *
 * Runs one law after the other and frees what it makes. The adapters hold one leaf at least.
 *
 * @param chosen the laws to look at; all by default
 */
export const checkAdapter = async (
  { base, weights, adapters, seed = 0 }: AtHand,
  chosen: ReadonlyArray<Law> = laws,
): Promise<ReadonlyArray<Verdict>> => {
  const [first, ...rest] = adapters.flatMap(leavesOf);
  if (first === undefined) throw new TypeError('checkAdapter: expected an adapter with a leaf, found the identity');
  const subject: Subject = { base, weights, adapters, leaves: [first, ...rest], key: key(seed), operations: weft };
  const verdicts: Verdict[] = [];
  for (const law of chosen) {
    const about = joinOf(Array.from({ length: law.arity }, (_, i) => adapters[i] ?? adapters[0]));
    if (noLessLawful(about, law.atMost)) verdicts.push(await law.check(subject));
  }
  return verdicts;
};

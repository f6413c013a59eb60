/**
 * A method's equation in float64, as a second opinion on its updates.
 */
import type { BaseConfig } from '../../adapters/config.js';
import type { ModelSpec } from '../../models/spec.js';
import type { Shape } from '../../ops/tensor.js';

/** A tensor of float64 numbers in row-major order. */
export interface Exact {
  readonly shape: Shape;
  readonly values: Float64Array;
}

/** An expected tensor, with what rounding may do to it in float32. */
export interface Expected extends Exact {
  /** For each element the sum of the magnitudes of all terms in it. */
  readonly magnitude: Float64Array;
  /** How many roundings, each of at most half a unit in the last place of the magnitude, an element goes through. */
  readonly roundings: number;
}

/** What a merge of one stored key may look at. */
export interface Given {
  /** The decoded config; a method's config is its own affair. */
  // eslint-disable-next-line typescript/no-explicit-any
  readonly config: BaseConfig & any;
  /** The adapted model. */
  readonly spec: ModelSpec;
  /** The adapter's tensors by the names of its file, integers as numbers. */
  readonly params: Readonly<Record<string, Exact>>;
  /** The stored key. */
  readonly key: string;
  /** The base tensor behind it. */
  readonly W: Exact;
  /** The base tensors behind every key. */
  readonly base: Readonly<Record<string, Exact>>;
}

/** What a merge makes of one stored key; the base's values where the method leaves the key alone. */
export type Definition = (given: Given) => Expected;

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

/** An expected tensor, and for each element a magnitude that rounding errors are measured in. */
export interface Expected extends Exact {
  readonly magnitude: Float64Array;
}

/**
 * What a merge makes of one stored key.
 *
 * @param config the decoded config
 * @param spec the adapted model
 * @param params the adapter's parameters by the names of its file
 * @param key the stored key
 * @param W the base tensor behind it
 * @returns the merged tensor; the base's values where the method leaves the key alone
 */
export type Definition = (
  // A method's config is its own affair.
  // eslint-disable-next-line typescript/no-explicit-any
  config: BaseConfig & any,
  spec: ModelSpec,
  params: Readonly<Record<string, Exact>>,
  key: string,
  W: Exact,
) => Expected;

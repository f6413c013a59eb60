/**
 * ShadowPEFT with a model that exists as the shadow.
 */
import { recordOf, type Weights } from '../../../ops/tensor.js';
import type { Result } from '../../../problem.js';
import type { Leaf } from '../../adapter.js';
import { init, type InitOptions } from '../../init.js';
import { pretrainedKey } from './init.js';
import { shadow } from './shadow.js';

/** A small language model, or one with a projection to the width of a larger model (`causal_lm_with_hidden_projection`). */
export interface Pretrained {
  /** Its path or its name on the Hub, where PEFT finds it again: the adapter's file holds its tensors without its architecture. */
  readonly path: string;
  /** Its config.json as parsed; untrusted. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Its weights by the names of its file; a head is not needed. */
  readonly weights: Weights;
}

/** Prefixes of a model inside of one with a head. */
const PREFIX = /^(shadow_model|model|transformer)\./;

/**
 * A new ShadowPEFT adapter whose shadow is a pretrained model; its token embeddings stay as they are.
 *
 * Problems: a model of a type that Weft has no forward pass of, tensors that its config.json asks for and that are not there, and
 * fields of the config that do not fit.
 *
 * @param pretrained the shadow; its tensors are copied
 * @param config fields of ShadowConfig in PEFT's names, without `shadow_model`
 * @returns an adapter, whose tensors the caller owns
 */
export const shadowFrom = (
  { path, config: own, weights }: Pretrained,
  config: Readonly<Record<string, unknown>>,
  options: InitOptions,
): Result<Leaf> => {
  const named = Object.entries(weights).map(([name, W]) => [pretrainedKey(name.replace(PREFIX, '')), W] as const);
  return init(
    shadow,
    { ...config, shadow_model: { path, config: own } },
    { ...options, weights: recordOf([...Object.entries(options.weights ?? {}), ...named]) },
  );
};

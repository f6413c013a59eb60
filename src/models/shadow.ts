/**
 * Decoders with a shadow (ShadowPEFT): a second model reads the tokens first, and its state goes through the base's layers.
 */
import { isAttached, updateOf, type Attached, type ModelWeights } from '../adapters/attached.js';
import { remembered } from '../adapters/remembered.js';
import { shadowKey, type Shadow } from '../adapters/updates/shadow.js';
import { E } from '../fp.js';
import { matMul } from '../ops/mat-mul.js';
import type { Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import { renderProblems, type Result } from '../problem.js';
import type { AnyModel } from './any-model.js';
import type { Cache } from './cache.js';
import { languageModel, type Inputs, type LanguageModelParts, type States } from './model.js';
import type { ModelSpec } from './spec.js';

/** Prepares the model that a shadow is. */
export type Prepare = (spec: ModelSpec) => Result<LanguageModelParts>;

/** The shadow beside some weights, if there is one. */
export const shadowIn = (p: ModelWeights): Shadow | undefined => {
  const update = updateOf(p, shadowKey);
  if (update === undefined) return undefined;
  if (update._tag === 'Branch' && update.kind === 'Shadow') return update;
  throw new TypeError('a model takes one shadow: two ShadowPEFT adapters cannot be composed');
};

/** What of the inputs a shadow reads: the base's embeddings, or the tokens by its own; all positions of them. */
const inputsOf = (base: LanguageModelParts, p: ModelWeights, shadow: Shadow, inputs: Inputs): Inputs => {
  const { inputIds, inputsEmbeds, ...context } = inputs;
  const around = { ...context, logitsToKeep: undefined };
  if (inputsEmbeds !== undefined && shadow.P !== undefined)
    throw new RangeError(
      `inputsEmbeds: expected inputIds, because the shadow is ${shadow.P.shape[1]} wide and has embeddings of its own`,
    );
  if (inputsEmbeds !== undefined) return { ...around, inputsEmbeds };
  return shadow.shared ? { ...around, inputsEmbeds: base.embed(p, inputIds) } : { ...around, inputIds };
};

/** Masks may tell of tokens before; a shadow that has not read those is told of the new ones alone. */
const withoutPast = (inputs: Inputs): Inputs => {
  const { attentionMask: mask } = inputs;
  const T = (inputs.inputIds ?? inputs.inputsEmbeds).shape[1] as number;
  const unseen = mask === undefined ? 0 : (mask.shape[1] as number) - T;
  return unseen <= 0 || mask === undefined
    ? { ...inputs, past: undefined }
    : { ...inputs, past: undefined, attentionMask: tf.slice(mask, [0, unseen], [-1, T]) };
};

const projected = ({ P }: Shadow, hidden: Tensor): Tensor => {
  if (P === undefined) return hidden;
  const [B, T, D] = hidden.shape as [number, number, number];
  return tf.reshape(matMul(tf.reshape(hidden, [B * T, D]), P, false, true), [B, T, P.shape[0] as number]);
};

/** The shadow alone over the inputs: its state [B, T, D] and its cache. */
export const firstState = (
  base: LanguageModelParts,
  own: LanguageModelParts,
  p: ModelWeights,
  shadow: Shadow,
  inputs: Inputs,
): { readonly state: Tensor; readonly cache: Cache } => {
  const given = inputsOf(base, p, shadow, inputs);
  const { hidden, cache } = own.states(shadow.weights, given.past === undefined ? withoutPast(given) : given);
  return { state: projected(shadow, hidden), cache };
};

const withState = (p: Attached, shadow: Shadow, state: Tensor): Attached => ({
  ...p,
  updates: {
    ...p.updates,
    [shadowKey]: { _tag: 'Branch', reason: 'the state of this pass', ...shadow, state },
  },
});

/** The pasts of both models: those of an earlier run one behind the other, or the base's alone (a prefix). */
const pastsOf = (
  past: Cache | undefined,
  layers: number,
  own: number,
): readonly [base: Cache | undefined, shadow: Cache | undefined] =>
  past === undefined || past.length <= layers ? [past, undefined] : [past.slice(0, -own), past.slice(-own)];

const shadowed = (
  base: LanguageModelParts,
  own: LanguageModelParts,
  p: Attached,
  shadow: Shadow,
  inputs: Inputs,
): States => {
  const [forBase, forShadow] = pastsOf(inputs.past, base.geometry.layers, own.geometry.layers);
  const { state, cache } = firstState(base, own, p, shadow, { ...inputs, past: forShadow });
  const states = base.states(withState(p, shadow, state), { ...inputs, past: forBase });
  return { ...states, cache: [...states.cache, ...cache] };
};

const preparedBy = (prepare: Prepare): ((spec: ModelSpec) => LanguageModelParts) =>
  remembered((spec: ModelSpec) => {
    const model = prepare(spec);
    if (E.isLeft(model)) throw new TypeError(`the shadow: ${renderProblems(model.left)}`);
    return model.right;
  });

/**
 * A decoder that runs the shadow beside its weights first (ShadowPEFT).
 *
 * Both can be continued: the cache has the base's layers and then the shadow's. A past of the base's layers alone, a prefix, is
 * seen by the base.
 *
 * @param prepare makes a model of the shadow's architecture
 */
export const withShadow = (any: AnyModel, prepare: Prepare): AnyModel => {
  if (any._tag !== 'Decoder') return any;
  const own = preparedBy(prepare);
  return {
    _tag: any._tag,
    model: languageModel({
      ...any.model,
      states: (p, inputs) => {
        const shadow = shadowIn(p);
        return shadow === undefined || !isAttached(p)
          ? any.model.states(p, inputs)
          : shadowed(any.model, own(shadow.spec), p, shadow, inputs);
      },
    }),
  };
};

/**
 * Virtual tokens in a forward pass: what a prompt adapter beside the weights adds to the inputs.
 */
import { updateOf, type ModelWeights } from '../adapters/attached.js';
import { promptKey, type Prompt, type WeightUpdate } from '../adapters/update.js';
import type { Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import { cacheLength, type Cache } from './cache.js';
import type { Inputs, LanguageModelParts } from './model.js';

const promptsIn = (update: WeightUpdate | undefined): ReadonlyArray<Prompt> =>
  update === undefined
    ? []
    : update._tag === 'Prompt'
      ? [update]
      : update._tag === 'Sequence'
        ? update.updates.flatMap(promptsIn)
        : [];

/** Soft tokens of one rank: where one prompt differs between samples, the others are repeated for each. */
const alike = (soft: ReadonlyArray<Tensor>): Tensor[] => {
  const batch = soft.find((s) => s.rank === 3)?.shape[0];
  return soft.map((s) => (batch === undefined || s.rank === 3 ? s : tf.stack(Array<Tensor>(batch).fill(s), 0)));
};

/** Prompts in order, one after the other. */
const joined = (prompts: ReadonlyArray<Prompt>): Prompt => {
  const soft = prompts.flatMap((p) => p.soft ?? []);
  const prefixes = prompts.flatMap((p) => (p.prefix === undefined ? [] : [p.prefix]));
  const prefix: Cache | undefined = prefixes[0]?.map((_, layer) => ({
    k: tf.concat(
      prefixes.flatMap((c) => c[layer]?.k ?? []),
      2,
    ),
    v: tf.concat(
      prefixes.flatMap((c) => c[layer]?.v ?? []),
      2,
    ),
  }));
  return {
    _tag: 'Prompt',
    ...(soft.length === 0 ? {} : { soft: tf.concat(alike(soft), -2) }),
    ...(prefix === undefined ? {} : { prefix }),
  };
};

/** Soft tokens before the embedded ones, seen by all of them. */
const withSoft = (model: LanguageModelParts, p: ModelWeights, soft: Tensor, inputs: Inputs): Inputs => {
  const tokens = inputs.inputsEmbeds ?? model.embed(p, inputs.inputIds);
  const [B] = tokens.shape as [number, number, number];
  const [n, D] = soft.shape.slice(-2) as [number, number];
  const virtual = soft.rank === 3 ? soft : tf.concat(Array<Tensor>(B).fill(tf.reshape(soft, [1, n, D])), 0);
  const { attentionMask: mask } = inputs;
  return {
    ...inputs,
    inputIds: undefined,
    inputsEmbeds: tf.concat([virtual, tokens], 1),
    attentionMask: mask === undefined ? undefined : tf.concat([tf.ones([B, n]), tf.cast(mask, 'float32')], 1),
    // positions count from the first virtual token
    positionIds: inputs.positionIds?.map((row) => [...Array<number>(n).keys(), ...row.map((i) => n + i)]),
  };
};

/** A prefix as the past; given positions count from behind it. */
const withPrefix = (prefix: Cache, inputs: Inputs): Inputs => ({
  ...inputs,
  past: prefix,
  positionIds: inputs.positionIds?.map((row) => row.map((i) => cacheLength(prefix) + i)),
});

/**
 * A model that reads the virtual tokens beside its weights, once: where the cache begins.
 *
 * Soft tokens come first in the states, [B, n + T, D], and so in the logits; a prefix gives none. With `past` nothing is added, because the past
 * already holds them.
 */
export const withPrompts = (model: LanguageModelParts): LanguageModelParts => ({
  ...model,
  states: (p, inputs) => {
    const prompts = promptsIn(updateOf(p, promptKey));
    if (prompts.length === 0 || inputs.past !== undefined) return model.states(p, inputs);
    const { soft, prefix } = joined(prompts);
    const given = soft === undefined ? inputs : withSoft(model, p, soft, inputs);
    return model.states(p, prefix === undefined ? given : withPrefix(prefix, given));
  },
});

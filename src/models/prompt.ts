/**
 * Virtual tokens in a forward pass: what a prompt adapter beside the weights adds to the inputs.
 */
import { updateOf, type ModelWeights } from '../adapters/attached.js';
import { promptKey, type Prompt, type WeightUpdate } from '../adapters/update.js';
import type { Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import type { AnyModel } from './any-model.js';
import { cacheLength, type Cache } from './cache.js';
import type { EncoderModel } from './encoder.js';
import type { EncoderDecoderModel } from './encoder-decoder.js';
import type { ImageModel } from './image.js';
import { languageModel, type Inputs, type LanguageModel } from './model.js';

const promptsIn = (update: WeightUpdate | undefined): ReadonlyArray<Prompt> =>
  update === undefined
    ? []
    : update._tag === 'Prompt'
      ? [update]
      : update._tag === 'Sequence'
        ? update.updates.flatMap(promptsIn)
        : [];

/** Soft tokens one after the other: where one prompt differs between samples, the others are repeated for each. */
const joinedSoft = (soft: ReadonlyArray<Tensor>): Tensor | undefined => {
  if (soft.length === 0) return undefined;
  const batch = soft.find((s) => s.rank === 3)?.shape[0];
  const alike = soft.map((s) => (batch === undefined || s.rank === 3 ? s : tf.stack(Array<Tensor>(batch).fill(s), 0)));
  return tf.concat(alike, -2);
};

const joinedPrefix = (prefixes: ReadonlyArray<Cache>): Cache | undefined =>
  prefixes[0]?.map((_, layer) => {
    const joined = (part: 'k' | 'v'): Tensor =>
      tf.concat(
        prefixes.flatMap((c) => c[layer]?.[part] ?? []),
        2,
      );
    return { k: joined('k'), v: joined('v') };
  });

/** What is put before the tokens of one half of a model. */
interface Virtual {
  readonly soft: Tensor | undefined;
  readonly prefix: Cache | undefined;
}

/** Prompts in order, one after the other, for the tokens that a model reads first, and for its decoder's. */
const promptOf = (p: ModelWeights): Virtual & { readonly decoderSoft: Tensor | undefined } => {
  const prompts = promptsIn(updateOf(p, promptKey));
  return {
    soft: joinedSoft(prompts.flatMap((prompt) => prompt.soft ?? [])),
    decoderSoft: joinedSoft(prompts.flatMap((prompt) => prompt.decoderSoft ?? [])),
    prefix: joinedPrefix(prompts.flatMap((prompt) => (prompt.prefix === undefined ? [] : [prompt.prefix]))),
  };
};

/** Inputs with tokens, of any model. */
type TokenInputs = Inputs & { readonly tokenTypeIds?: Tensor | undefined };

type Embed = LanguageModel['embed'];

/** Soft tokens before the embedded ones, seen by all of them, and of the first sentence. */
const withSoft = <I extends TokenInputs>(embed: Embed, p: ModelWeights, soft: Tensor, inputs: I): I => {
  const tokens = inputs.inputsEmbeds ?? embed(p, inputs.inputIds);
  const [B] = tokens.shape as [number, number, number];
  const [n, D] = soft.shape.slice(-2) as [number, number];
  const virtual = soft.rank === 3 ? soft : tf.concat(Array<Tensor>(B).fill(tf.reshape(soft, [1, n, D])), 0);
  const { attentionMask: mask, tokenTypeIds: types } = inputs;
  return {
    ...inputs,
    inputIds: undefined,
    inputsEmbeds: tf.concat([virtual, tokens], 1),
    attentionMask: mask === undefined ? undefined : tf.concat([tf.ones([B, n]), tf.cast(mask, 'float32')], 1),
    tokenTypeIds: types === undefined ? undefined : tf.concat([tf.zeros([B, n], 'int32'), types], 1),
    // positions count from the first virtual token
    positionIds: inputs.positionIds?.map((row) => [...Array<number>(n).keys(), ...row.map((i) => n + i)]),
  };
};

/** A prefix as the past; given positions count from behind it. */
const withPrefix = <I extends TokenInputs>(prefix: Cache, inputs: I): I => ({
  ...inputs,
  past: prefix,
  positionIds: inputs.positionIds?.map((row) => row.map((i) => cacheLength(prefix) + i)),
});

/** Inputs behind virtual tokens, once: with `past` nothing is added, because the past already holds them. */
const behind = <I extends TokenInputs>(embed: Embed, p: ModelWeights, { soft, prefix }: Virtual, inputs: I): I => {
  if (inputs.past !== undefined) return inputs;
  const given = soft === undefined ? inputs : withSoft(embed, p, soft, inputs);
  return prefix === undefined ? given : withPrefix(prefix, given);
};

/** A language model behind what `prompt` finds. */
const decoderBehind = (model: LanguageModel, prompt: (p: ModelWeights) => Virtual): LanguageModel =>
  languageModel({
    ...model,
    states: (p, inputs) => model.states(p, behind(model.embed, p, prompt(p), inputs)),
  });

/** Soft tokens come first in the states, [B, n + T, D], and so in the logits; a prefix gives none. */
const decoder = (model: LanguageModel): LanguageModel => decoderBehind(model, promptOf);

/** Soft tokens come first in what the encoder gives for each token; a prefix is seen by all. */
const encoder = (model: EncoderModel): EncoderModel => ({
  ...model,
  run: (p, inputs) => model.run(p, behind(model.embed, p, promptOf(p), inputs)),
});

/** The encoder reads its soft tokens; the decoder has its own, and the prefix. */
const encoderDecoder = (model: EncoderDecoderModel): EncoderDecoderModel => ({
  ...model,
  encode: (p, inputs) => model.encode(p, behind(model.embed, p, { soft: promptOf(p).soft, prefix: undefined }, inputs)),
  decoder: (encoded) =>
    decoderBehind(model.decoder(encoded), (p) => {
      const { decoderSoft: soft, prefix } = promptOf(p);
      return { soft, prefix };
    }),
});

/** Images have no tokens to put virtual ones before. */
const image = (model: ImageModel): ImageModel => ({
  ...model,
  run: (p, inputs) => {
    if (promptsIn(updateOf(p, promptKey)).length > 0)
      throw new TypeError('an image model reads no virtual tokens: detach the prompt adapter');
    return model.run(p, inputs);
  },
});

/** A model that reads the virtual tokens beside its weights, where its text begins. */
export const withPrompts = (any: AnyModel): AnyModel => {
  switch (any._tag) {
    case 'Decoder':
      return { _tag: any._tag, model: decoder(any.model) };
    case 'Encoder':
      return { _tag: any._tag, model: encoder(any.model) };
    case 'EncoderDecoder':
      return { _tag: any._tag, model: encoderDecoder(any.model) };
    case 'Image':
      return { _tag: any._tag, model: image(any.model) };
  }
};

/**
 * Where generation begins: with a text that a decoder continues, or with a text that an encoder read and a decoder answers.
 */
import type { ModelWeights } from '../adapters/attached.js';
import { E } from '../fp.js';
import { scope, tensorOf } from '../ops/backend.js';
import { fail, type Result } from '../problem.js';
import type { AnyModel } from './any-model.js';
import { disposeCache } from './cache.js';
import { configField } from './config.js';
import type { Sequences } from './decode.js';
import type { Encoded, EncoderDecoderModel, SourceInputs } from './encoder-decoder.js';
import type { LanguageModel } from './model.js';

/** A language model and the tokens that it goes on from, one sequence a text. */
export interface Continuation {
  readonly model: LanguageModel;
  readonly prompts: Sequences;
  /** Frees what was computed of the texts; the weights stay the caller's. */
  readonly dispose: () => void;
}

/** Begins to generate for texts: token ids of any lengths, at least one each. */
export type Begin = (weights: ModelWeights, texts: Sequences) => Continuation;

/** Texts of one length, the shorter ones padded on the right, where an encoder does not see it. */
const padded = (texts: Sequences): SourceInputs => {
  const T = Math.max(...texts.map((ids) => ids.length));
  const rows = (of: (ids: ReadonlyArray<number>) => ReadonlyArray<number>): Int32Array =>
    Int32Array.from(texts.flatMap((ids) => [...of(ids), ...Array<number>(T - ids.length).fill(0)]));
  const shape = [texts.length, T];
  const alike = texts.every((ids) => ids.length === T);
  return {
    inputIds: tensorOf(
      rows((ids) => ids),
      shape,
    ),
    attentionMask: alike
      ? undefined
      : tensorOf(
          rows((ids) => ids.map(() => 1)),
          shape,
        ),
  };
};

const disposeEncoded = ({ cross, mask }: Encoded): void => {
  disposeCache(cross);
  mask?.dispose();
};

const answer =
  ({ encode, decoder }: EncoderDecoderModel, start: number): Begin =>
  (weights, texts) => {
    const encoded = scope(() => encode(weights, padded(texts)));
    return {
      model: decoder(encoded),
      prompts: texts.map(() => [start]),
      dispose: () => disposeEncoded(encoded),
    };
  };

/** How a model generates; a problem for models that do not, and for an encoder-decoder whose config.json names no start token. */
export const beginOf = (any: AnyModel): Result<Begin> => {
  switch (any._tag) {
    case 'Decoder':
      return E.right((_weights, texts) => ({ model: any.model, prompts: texts, dispose: () => undefined }));
    case 'EncoderDecoder':
      return any.model.start === undefined
        ? fail(configField('decoder_start_token_id'), "the token that starts the decoder's text", 'nothing')
        : E.right(answer(any.model, any.model.start));
    case 'Encoder':
    case 'Image':
      return fail(
        configField('architectures'),
        'a model that generates text',
        any._tag === 'Encoder' ? 'an encoder' : 'an image model',
      );
  }
};

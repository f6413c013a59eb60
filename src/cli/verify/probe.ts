/**
 * Something for a model to read, whatever its kind.
 */
import type { AnyModel, ModelInputs } from '../../models/any-model.js';
import { tensorOf } from '../../ops/backend.js';

/** Tokens that a model reads: few, because only rounding is looked for. */
const TOKENS = 8;

/** Inputs of a model: the first tokens of its vocabulary, or an image of a wave. */
export const probe = (any: AnyModel): ModelInputs => {
  const ids = tensorOf(
    Int32Array.from({ length: TOKENS }, (_, i) => i),
    [1, TOKENS],
  );
  switch (any._tag) {
    case 'Decoder':
    case 'Encoder':
      return { inputIds: ids };
    case 'EncoderDecoder':
      return { inputIds: ids, decoderInputIds: ids };
    case 'Image': {
      const { channels, height, width } = any.model.image;
      const wave = Float32Array.from({ length: channels * height * width }, (_, i) => Math.sin(i));
      return { pixelValues: tensorOf(wave, [1, channels, height, width]) };
    }
  }
};

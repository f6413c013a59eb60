/**
 * The head of a language model.
 */
import type { ModelWeights } from '../../adapters/attached.js';
import type { Tensor } from '../../ops/tensor.js';
import { linear } from './linear.js';

/**
 * Logits [..., V] = h W^T with `lm_head.weight` W [V, D], or the token embedding's where the model ties them.
 *
 * @param hidden h [..., D]
 * @param embedding the module of the token embedding, which W is tied to; undefined where it is not
 */
export const languageHead = (p: ModelWeights, hidden: Tensor, embedding: string | undefined): Tensor =>
  linear(p, 'lm_head', hidden, embedding === undefined ? {} : { tiedTo: `${embedding}.weight` });

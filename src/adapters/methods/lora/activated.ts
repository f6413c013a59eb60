/**
 * Activated LoRA: the adapter acts from the last invocation sequence on.
 *
 * Greenewald et al., "Activated LoRA: Fine-tuned LLMs for Intrinsics", https://arxiv.org/abs/2504.12397
 */
import { tf } from '../../../ops/tf.js';
import type { Routing } from '../../method.js';
import type { WeightUpdate } from '../../update.js';

/** Why activated LoRA cannot merge. */
export const activatedReason =
  'activated LoRA acts on the tokens from its invocation on, and leaves those before as they are';

/** Where the last occurrence of `tokens` in `ids` begins; the length of `ids` when there is none. */
const lastStart = (ids: ReadonlyArray<number>, tokens: ReadonlyArray<number>): number => {
  for (let at = ids.length - tokens.length; at >= 0; at--) {
    if (tokens.every((token, i) => ids[at + i] === token)) return at;
  }
  return ids.length;
};

/**
 * The update on the positions from each sample's last invocation on, and on all tokens that come after. What is generated invokes
 * nothing by itself, as in PEFT.
 */
export const activated = (
  update: WeightUpdate,
  tokens: ReadonlyArray<number>,
  routing: Routing | undefined,
): WeightUpdate => {
  const inputIds = routing?.inputIds;
  if (inputIds === undefined)
    throw new TypeError('activated LoRA looks for its invocation tokens: attach(adapter, weights, { inputIds })');
  const width = Math.max(0, ...inputIds.map((ids) => ids.length));
  const mask = inputIds.flatMap((ids) => {
    // a shorter sequence is padded on the left, as in generation
    const start = lastStart(ids, tokens) + width - ids.length;
    return Array.from({ length: width }, (_, i) => (i >= start ? 1 : 0));
  });
  return {
    _tag: 'Branch',
    kind: 'Masked',
    update,
    mask: tf.tensor2d(mask, [inputIds.length, width]),
    reason: activatedReason,
  };
};

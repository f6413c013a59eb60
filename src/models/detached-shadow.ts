/**
 * A shadow on its own: the small model of a ShadowPEFT adapter with the base's head, and without the base's layers.
 */
import type { ModelWeights } from '../adapters/attached.js';
import { E, F } from '../fp.js';
import { scope } from '../ops/backend.js';
import type { Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import { fail, type Result } from '../problem.js';
import { lastTokens } from './frame.js';
import { causalCrossEntropy } from './loss.js';
import { languageModel, type Inputs, type LanguageModel } from './model.js';
import { languageModelOf } from './registry.js';
import { firstState, shadowIn } from './shadow.js';
import type { ModelSpec } from './spec.js';

/**
 * The shadow beside some weights as a language model: head(P f(x)), PEFT's `unload_shadow`.
 *
 * It runs over the same attached weights, of which it reads the shadow's, the head's, and the token embeddings where both share them;
 * it has a cache of its own, and generates. Training it is training the loss of `shadowLoss`.
 *
 * @param spec of the base model
 * @param p the base's weights with a ShadowPEFT adapter attached
 * @returns problems of `languageModelOf`, and one for weights without a shadow
 */
export const detachedShadow = (spec: ModelSpec, p: ModelWeights): Result<LanguageModel> => {
  const shadow = shadowIn(p);
  if (shadow === undefined)
    return fail('weights', 'a ShadowPEFT adapter beside them: attach(adapter, weights)', 'none');
  return F.pipe(
    E.Do,
    E.bind('base', () => languageModelOf(spec)),
    E.bind('own', () => languageModelOf(shadow.spec)),
    E.map(({ base, own }) =>
      languageModel({
        ...base,
        geometry: own.geometry,
        projections: base.projections.filter((key) => key === 'lm_head.weight'),
        states: (weights, inputs) => {
          const found = shadowIn(weights);
          if (found === undefined) throw new TypeError('weights: expected those with the shadow beside them');
          const { state, cache } = firstState(base, own, weights, found, inputs);
          const hidden = lastTokens(state, inputs.logitsToKeep);
          return { hidden, cache, logits: () => base.head(weights, hidden) };
        },
      }),
    ),
  );
};

/**
 * What PEFT adds to the loss of a step of training: w CE(head(s), labels), for the shadow's first state s and `auxiliary_loss_weight` w.
 *
 * It keeps the shadow useful without the base. Zero where w is not above zero.
 *
 * @param detached of `detachedShadow`
 * @param p the weights with the adapter attached, the trainable values in it
 * @param labels int32 [B, T], the token ids themselves, or -100 where they do not count
 * @returns a scalar, differentiable in the adapter's parameters
 */
export const shadowLoss = (detached: LanguageModel, p: ModelWeights, inputs: Inputs, labels: Tensor): Tensor =>
  scope(() => {
    const weight = shadowIn(p)?.lossWeight ?? 0;
    return weight > 0 ? tf.mul(causalCrossEntropy(detached.run(p, inputs).logits, labels), weight) : tf.scalar(0);
  });

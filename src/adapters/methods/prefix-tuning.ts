/**
 * Prefix tuning: trained keys and values before the first token of every layer.
 *
 * Li and Liang, "Prefix-Tuning: Optimizing Continuous Prompts for Generation", https://arxiv.org/abs/2101.00190. With
 * `prefix_projection` PEFT trains a table and a network over it and saves what they give, which is all that a file holds.
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import { normal } from '../../ops/random.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { field, nullable, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { Method } from '../method.js';
import {
  promptFields,
  promptLayout,
  promptSizes,
  restructurePrompt,
  unpackPrefix,
  type PromptConfig,
  type PromptSizes,
} from '../prompt-layout.js';
import { literals, positiveInt } from '../targeting-fields.js';

const fields = {
  ...promptFields,
  encoder_hidden_size: nullable(positiveInt),
  init_weights: nullable(literals('zero')),
  prefix_projection: field(t.boolean, false),
} as const satisfies Fields;

type PrefixConfig = PromptConfig & Values<typeof fields>;

/** Prefix tuning. */
export const prefixTuning: Method<PrefixConfig, PromptSizes> = {
  peftType: 'PREFIX_TUNING',
  reference: 'https://arxiv.org/abs/2101.00190',
  fields,
  validate: E.right,
  restructure: restructurePrompt,
  layout: (c, context) =>
    E.chain((sizes: PromptSizes) =>
      promptLayout(c, context, { E: ['prompt_embeddings', [sizes.n, 2 * sizes.L * sizes.D]] }, sizes),
    )(promptSizes(c, context.spec, true)),
  init: (c, { layout, key, weights }) =>
    initParams(layout, key, weights, (_site, _role, k, shape) =>
      E.right(c.init_weights === 'zero' ? tf.zeros([...shape]) : normal(k, shape)),
    ),
  update: (c, { detail }, tensors) => unpackPrefix(c, detail, tensors['E'] as Tensor),
};

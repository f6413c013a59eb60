/**
 * P-tuning: embeddings before those of the real tokens, trained through a small network and saved as what it gives.
 *
 * Liu et al., "GPT Understands, Too", https://arxiv.org/abs/2103.10385. The file holds the network's output alone, so a
 * loaded prompt is trained directly.
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import { normal } from '../../ops/random.js';
import type { Tensor } from '../../ops/tensor.js';
import { field, floatField, nullable, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { Method } from '../method.js';
import {
  promptFields,
  promptSizes,
  restructurePrompt,
  softPrompt,
  softLayout,
  type PromptConfig,
  type PromptSizes,
} from '../prompt-layout.js';
import { literals, positiveInt, probability } from '../targeting-fields.js';

const fields = {
  ...promptFields,
  encoder_dropout: floatField(probability, 0),
  encoder_hidden_size: nullable(positiveInt),
  encoder_num_layers: field(t.Integer, 2),
  encoder_reparameterization_type: field(literals('MLP', 'LSTM'), 'MLP'),
} as const satisfies Fields;

type PTuningConfig = PromptConfig & Values<typeof fields>;

/** P-tuning. */
export const pTuning: Method<PTuningConfig, PromptSizes> = {
  peftType: 'P_TUNING',
  reference: 'https://arxiv.org/abs/2103.10385',
  fields,
  validate: E.right,
  restructure: restructurePrompt,
  layout: (c, context) =>
    E.chain((sizes: PromptSizes) => softLayout(c, context, sizes))(promptSizes(c, context.spec, false)),
  init: (_c, { layout, key, weights }) =>
    initParams(layout, key, weights, (_site, _role, k, shape) => E.right(normal(k, shape))),
  update: (c, { detail }, tensors) => softPrompt(c, detail, tensors['E'] as Tensor, false),
};

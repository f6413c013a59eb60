/**
 * X-LoRA: LoRA adapters mixed anew at every token and layer, by a small network that looks at the model's own hidden states:
 * y' = y + w sum_i s_i B_i A_i (g_i x), with g = softmax(f(H) / temperature).
 *
 * Buehler and Buehler, "X-LoRA: Mixture of Low-Rank Adapter Experts, a Flexible Framework for Large Language Models",
 * https://arxiv.org/abs/2402.07148
 */
import { E } from '../../../fp.js';
import type { Method } from '../../method.js';
import { lora } from '../lora/lora.js';
import { validateXlora, xloraFields, type XloraConfig } from './config.js';
import { initXlora } from './init.js';
import { xloraLayout, type XloraDetail } from './layout.js';
import { xloraUpdate } from './update.js';

/** X-LoRA. */
export const xlora: Method<XloraConfig, XloraDetail> = {
  peftType: 'XLORA',
  reference: 'https://arxiv.org/abs/2402.07148',
  fields: xloraFields,
  validate: validateXlora,
  restructure: (_c, spec) => E.right({ spec, change: undefined }),
  layout: xloraLayout,
  init: initXlora,
  nested: { field: 'adapters', method: lora },
  update: (c, { detail }, tensors, options) => xloraUpdate(c, detail, tensors, options),
};

/**
 * ShadowPEFT: a small model runs beside a frozen decoder, and at every block the difference of both corrects what the block reads:
 * h' = h + alpha (h - s) A^T B^T, s' = (1 - g) s + g T(y), g = sigmoid(G(y)), for the block's output y.
 *
 * Li et al., "ShadowPEFT: Shadow Network for Parameter-Efficient Fine-Tuning", https://arxiv.org/abs/2604.19254
 */
import { recordOf, type Tensor } from '../../../ops/tensor.js';
import type { Method } from '../../method.js';
import { restructureSaved } from '../../module-layout.js';
import type { WeightUpdate } from '../../update.js';
import type { Network } from '../../updates/shadow.js';
import { MIRROR, shadowFields, validateShadow, type ShadowConfig } from './config.js';
import { initShadow } from './init.js';
import { PROJECTION, shadowLayout, type ShadowDetail } from './layout.js';
import { everyBlock } from './stack.js';

const reason = 'ShadowPEFT corrects hidden states by those of a second model';

type Tensors = Readonly<Record<string, Tensor>>;

const network = (tensors: Tensors, role: string): Network => {
  const [W1, b1, W2, b2] = ['W1', 'b1', 'W2', 'b2'].map((name) => tensors[`${role}.${name}`]) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  return { W1, b1, W2, b2 };
};

const update = (c: ShadowConfig, detail: ShadowDetail, tensors: Tensors): WeightUpdate => {
  if (detail._tag === 'Block')
    return {
      _tag: 'Branch',
      reason,
      kind: 'ShadowBlock',
      A: tensors['A'] as Tensor,
      B: tensors['B'] as Tensor,
      alpha: c.shadow_alpha,
      T: network(tensors, 'T'),
      G: network(tensors, 'G'),
    };
  const P = tensors[PROJECTION];
  return {
    _tag: 'Branch',
    reason,
    kind: 'Shadow',
    spec: detail.spec,
    weights: recordOf(Object.entries(tensors).filter(([key]) => key !== PROJECTION)),
    ...(P === undefined ? {} : { P }),
    shared: detail.shared,
    lossWeight: c.auxiliary_loss_weight,
  };
};

/** ShadowPEFT. */
export const shadow: Method<ShadowConfig, ShadowDetail> = {
  peftType: 'SHADOW',
  reference: 'https://arxiv.org/abs/2604.19254',
  fields: shadowFields,
  targets: { defaults: everyBlock },
  validate: validateShadow,
  restructure: restructureSaved,
  layout: shadowLayout,
  init: initShadow,
  model: { field: 'shadow_model', none: MIRROR },
  update: (c, { detail }, tensors) => update(c, detail, tensors),
};

/**
 * X-LoRA's updates: gated factors side by side, and the router that opens and closes them.
 */
import type { Tensor } from '../../../ops/tensor.js';
import { tf } from '../../../ops/tf.js';
import type { Gated, Router } from '../../branch.js';
import type { UpdateOptions } from '../../method.js';
import { nestedName } from '../../nested.js';
import type { LowRank, WeightUpdate } from '../../update.js';
import { scaleUpdate } from '../../updates/scale.js';
import { loraUpdate } from '../lora/update.js';
import { expertsOf, type XloraConfig } from './config.js';
import type { Share, XloraDetail } from './layout.js';

type Tensors = Readonly<Record<string, Tensor>>;

const reason = 'X-LoRA mixes adapters token by token';

const shareUpdate = ({ name, detail }: Share, tensors: Tensors, options: UpdateOptions): WeightUpdate => {
  const of = (role: string): Tensor => tensors[nestedName(name, role)] as Tensor;
  return loraUpdate(detail, { A: of('A'), B: of('B'), bias: of('bias') } as Tensors, options);
};

/** s B of an update, so that experts of different scales stand side by side. */
const scaledB = ({ B, s }: LowRank): Tensor => (s === 1 ? B : tf.mul(B, s));

const sideBySide = (shares: ReadonlyArray<Share>, updates: ReadonlyArray<LowRank>, layer: number): Gated => ({
  kind: 'Gated',
  B: tf.concat(updates.map(scaledB), 1),
  A: tf.concat(
    updates.map(({ A }) => A),
    0,
  ),
  experts: shares.flatMap(({ expert }, i) => Array<number>(updates[i]?.A.shape[0] ?? 0).fill(expert)),
  layer,
});

const routerOf = (c: XloraConfig, layers: number, depth: number, tensors: Tensors): Router => ({
  kind: 'Router',
  network: Array.from({ length: depth }, (_, i) => ({
    W: tensors[`W${i}`] as Tensor,
    b: tensors[`b${i}`] as Tensor,
  })),
  experts: expertsOf(c).length,
  layers: c.layerwise_scalings ? layers : 1,
  temperature: c.enable_softmax ? c.softmax_temperature : undefined,
  topK: c.top_k_lora ?? undefined,
  renormalized: c.enable_softmax_topk,
  weight: c.global_scaling_weight,
  first: c.scaling_pass_value,
});

/**
 * The update of one site. The bias of an expert's B is added whatever its gate, as PEFT does: the gate multiplies what enters A.
 *
 * @param tensors.W0 the router's network, with b0, W1, ...; or A and B of each expert as `0/A`, `0/B`, ...
 */
export const xloraUpdate = (
  c: XloraConfig,
  detail: XloraDetail,
  tensors: Tensors,
  options: UpdateOptions,
): WeightUpdate => {
  switch (detail._tag) {
    case 'Router':
      return { _tag: 'Branch', reason, ...routerOf(c, detail.layers, detail.network, tensors) };
    case 'Gated': {
      const updates = detail.shares.map((share) => shareUpdate(share, tensors, options) as LowRank);
      return { _tag: 'Branch', reason, ...sideBySide(detail.shares, updates, detail.layer) };
    }
    case 'Shift':
      return scaleUpdate(c.global_scaling_weight, shareUpdate(detail.share, tensors, options));
  }
};

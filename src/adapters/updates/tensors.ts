/**
 * The tensors inside an update.
 */
import type { Tensor } from '../../ops/tensor.js';
import type { WeightUpdate } from '../update.js';

/** Every tensor that an update refers to. */
export const tensorsOf = (update: WeightUpdate): ReadonlyArray<Tensor> => {
  switch (update._tag) {
    case 'LowRank':
    case 'Modulate':
      return [update.B, update.A];
    case 'Dense':
      return [update.delta];
    case 'Hadamard':
      return [update.B1, update.A1, update.B2, update.A2];
    case 'Kronecker':
      return [update.C, update.D];
    case 'Sparse':
      return [update.values];
    case 'Scale':
      return [update.l];
    case 'Rotate':
      return [update.R];
    case 'Reflect':
      return [update.U];
    case 'Split':
      return [update.U, update.S, update.V];
    case 'BlockAffine':
      return [update.B];
    case 'Normalize':
      return [update.m, ...tensorsOf(update.update)];
    case 'Replace':
    case 'ReplaceRows':
      return [update.value];
    case 'Sum':
    case 'Sequence':
      return update.updates.flatMap(tensorsOf);
    case 'Prompt':
      return [
        ...(update.soft === undefined ? [] : [update.soft]),
        ...(update.prefix ?? []).flatMap(({ k, v }) => [k, v]),
      ];
    case 'Branch':
      return update.kind === 'Masked'
        ? [update.mask, ...tensorsOf(update.update)]
        : [update.A, update.B, ...(update.kind === 'GroupedConv' && update.m !== undefined ? [update.m] : [])];
  }
};

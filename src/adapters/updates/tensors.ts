/**
 * The tensors inside an update.
 */
import type { Tensor } from '../../ops/tensor.js';
import type { WeightUpdate } from '../update.js';

/** Every tensor that an update refers to. */
export const tensorsOf = (update: WeightUpdate): ReadonlyArray<Tensor> => {
  switch (update._tag) {
    case 'LowRank':
      return [update.B, update.A];
    case 'Dense':
      return [update.delta];
    case 'Normalize':
      return [update.m, ...tensorsOf(update.update)];
    case 'Replace':
    case 'ReplaceRows':
      return [update.value];
    case 'Sum':
    case 'Sequence':
      return update.updates.flatMap(tensorsOf);
    case 'Branch':
      return update.m === undefined ? [update.A, update.B] : [update.A, update.B, update.m];
  }
};

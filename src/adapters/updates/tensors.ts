/**
 * The tensors inside an update.
 */
import type { Tensor } from '../../ops/tensor.js';
import type { Branch, WeightUpdate } from '../update.js';

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
    case 'Deflate':
      return [update.U, update.V, ...(update.R === undefined ? [] : [update.R])];
    case 'Reflect':
      return [update.U];
    case 'Residual':
      return [];
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
        ...[update.soft, update.decoderSoft].filter((x) => x !== undefined),
        ...(update.prefix ?? []).flatMap(({ k, v }) => [k, v]),
      ];
    case 'Branch':
      return tensorsOfBranch(update);
  }
};

const tensorsOfBranch = (branch: Branch): ReadonlyArray<Tensor> => {
  switch (branch.kind) {
    case 'GroupedConv':
      return [branch.A, branch.B, ...(branch.m === undefined ? [] : [branch.m])];
    case 'PerSample':
      return [branch.A, branch.B];
    case 'Mixture':
      return [branch.A, branch.B, branch.R];
    case 'PromptAttention':
      return [branch.P, branch.g];
    case 'Masked':
      return [branch.mask, ...tensorsOf(branch.update)];
    case 'Patches':
      return [branch.R];
    case 'Compressed':
      return [branch.A, branch.B, branch.e];
    case 'Feedback':
      return [branch.D, branch.F];
    case 'Gated':
      return [branch.B, branch.A, ...(branch.gates === undefined ? [] : [branch.gates])];
    case 'Noise':
      return [branch.V, branch.B];
    case 'Tap':
      return [];
    case 'Router':
      return branch.network.flatMap(({ W, b }) => [W, b]);
    case 'Shadow':
      return [...Object.values(branch.weights), ...[branch.P, branch.state].filter((x) => x !== undefined)];
    case 'ShadowBlock':
      return [branch.A, branch.B, ...[branch.T, branch.G].flatMap(({ W1, b1, W2, b2 }) => [W1, b1, W2, b2])];
  }
};

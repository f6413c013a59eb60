/**
 * What is lawful for an update, told from its form alone.
 */
import type { WeightUpdate } from '../update.js';

/** The algebras that an adapter's action on weights can live in, from most to least lawful. */
export const algebras = ['additive', 'diagonal', 'orthogonal', 'replacement', 'dependent', 'prompt', 'routed'] as const;

/**
 * additive: W + D with D free of W, so changes commute, scale and subtract. diagonal: rows or columns are scaled.
 * orthogonal: rows or columns are rotated or reflected; products and inverses stay of that kind. replacement: some tensors are set, not
 * changed. dependent: D depends on W (DoRA), so order matters. prompt: virtual tokens, no weight changes. routed: the forward pass changes in a way that no dense
 * weight can hold.
 */
export type Algebra = (typeof algebras)[number];

/** The least lawful of some algebras; additive for none. */
export const joinAlgebras = (parts: ReadonlyArray<Algebra>): Algebra =>
  parts.reduce<Algebra>((a, b) => (algebras.indexOf(b) > algebras.indexOf(a) ? b : a), 'additive');

/** The algebra of an update. */
export const algebraOf = (update: WeightUpdate): Algebra => {
  switch (update._tag) {
    case 'LowRank':
    case 'Dense':
    case 'Hadamard':
    case 'Kronecker':
    case 'Sparse':
      return 'additive';
    case 'Scale':
      return 'diagonal';
    case 'Rotate':
    case 'Reflect':
      return 'orthogonal';
    case 'Modulate':
    case 'Deflate':
    case 'Residual':
    case 'Split':
    case 'BlockAffine':
      return 'dependent';
    case 'Replace':
    case 'ReplaceRows':
      return 'replacement';
    case 'Normalize':
      return joinAlgebras(['dependent', algebraOf(update.update)]);
    case 'Sum':
    case 'Sequence':
      return joinAlgebras(update.updates.map(algebraOf));
    case 'Prompt':
      return 'prompt';
    case 'Branch':
      return 'routed';
  }
};

/** Whether rows of W' depend on the same rows of W only, so that a tile of rows can be merged on its own. */
export const isRowLocal = (update: WeightUpdate): boolean => {
  switch (update._tag) {
    case 'LowRank':
    case 'Dense':
    case 'Hadamard':
    case 'Kronecker':
    case 'Sparse':
    case 'Modulate':
    case 'Scale':
    case 'Reflect':
    case 'Replace':
    case 'ReplaceRows':
      return true;
    case 'Rotate':
    case 'Deflate':
      return update.axis === 1;
    case 'Residual':
    case 'Split':
    case 'BlockAffine':
      return false;
    case 'Normalize':
      return update.axis === 0 && isRowLocal(update.update);
    case 'Sum':
    case 'Sequence':
      return update.updates.every(isRowLocal);
    case 'Prompt':
    case 'Branch':
      return false;
  }
};

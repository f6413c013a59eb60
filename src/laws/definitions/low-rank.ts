/**
 * Low-rank changes with scales of their own: AdaLoRA, DeLoRA, GraLoRA and MiSS.
 */
import { added, byPattern, features, the, theMatrix, upright, weights, type Layer } from './layer.js';
import {
  at,
  entries,
  entryAt,
  hadamard,
  lengthOf,
  matrixOf,
  product,
  quotient,
  scaled,
  times,
  total,
  turn,
  type Entry,
  type Sized,
} from './matrix.js';

/** s B diag(E) A with s = alpha / (init_r + 1e-5), or init_r in place of an alpha that is not positive. */
export const adaloraDefinition = added((l) => {
  const [A, B, E] = ['lora_A', 'lora_B', 'lora_E'].map(l.tensor);
  if (A === undefined || B === undefined || E === undefined) return undefined;
  const { lora_alpha: alpha, init_r } = l.config;
  const s = (alpha > 0 ? alpha : init_r) / Math.fround(init_r + 1e-5);
  return scaled(s, product(matrixOf(B), hadamard(matrixOf(E), matrixOf(A))));
});

/** A length of at least 1e-4. */
const bounded = ([length, size]: Entry): Entry => (length < 1e-4 ? [1e-4, 1e-4] : [length, size]);

/** B diag(lambda / (r |A_j| |B_j|)) A diag(w): unit rows and columns, strengths by lambda, inputs by the lengths w of W's columns. */
export const deloraDefinition = added((l) => {
  const [a, w] = [l.tensor('delora_A'), l.tensor('delora_w_norm')];
  if (a === undefined || w === undefined) return undefined;
  const [A, B, lambda] = [matrixOf(a), theMatrix(l, 'delora_B'), theMatrix(l, 'delora_lambda')];
  const r = A.rows;
  const rows = turn(A);
  const strength = Array.from({ length: r }, (_, j): Entry => {
    const lengths = times(bounded(lengthOf(rows, j)), bounded(lengthOf(B, j)));
    return quotient(entryAt(lambda, 0, 0), times([r, r], lengths));
  });
  const inputs = A.columns;
  const scaledA = entries(r, inputs, A.columns + B.rows + 8, (j, i) =>
    times(strength[j] as Entry, entryAt(A, j, i), [w.values[i] as number, Math.abs(w.values[i] as number)]),
  );
  return product(B, scaledA);
});

/**
 * Block (j, n) of k x k is s (A_n[:, J] B_j[N, :])^T, with J and N the j-th and n-th of k parts of the rank, and s B A for the
 * hybrid rank; s = alpha / (r + hybrid_r).
 */
export const graloraDefinition = added((l) => {
  const [A, B] = [l.tensor('gralora_A'), l.tensor('gralora_B')];
  if (A === undefined || B === undefined) return undefined;
  const { gralora_k: k, r, hybrid_r, alpha } = l.config;
  const { out, inputs } = features(l.module, l.config.fan_in_fan_out);
  const part = r / k;
  const [a, b] = [matrixOf(A, inputs), matrixOf(B, k * r)];
  const [hybridA, hybridB] = [l.tensor('gralora_A_general.weight'), l.tensor('gralora_B_general.weight')];
  const hybrid =
    hybridA === undefined || hybridB === undefined ? undefined : product(matrixOf(hybridB), matrixOf(hybridA));
  const blocks = entries(out, inputs, r + Number(hybrid_r) + 2, (o, i) => {
    const [j, n] = [Math.floor((o * k) / out), Math.floor((i * k) / inputs)];
    const terms = Array.from({ length: part }, (_, p) =>
      times(entryAt(a, i, j * part + p), entryAt(b, j * r + n * part + p, o % (out / k))),
    );
    return total(hybrid === undefined ? terms : [...terms, entryAt(hybrid, o, i)]);
  });
  return scaled(alpha / (r + hybrid_r), blocks);
});

/** dW[o, i] = M[i mod r, o], or M[i mod r, o mod mini_r]; "bat" maps each r x r block of W to W_mn (I + B_m) + B_m. */
const missWith = (name: string) =>
  weights((l) => {
    const block = l.tensor(name);
    if (block === undefined) return undefined;
    const W = upright(l);
    return l.config.init_weights === 'bat' ? bat(l, W, name) : spread(l, W, matrixOf(block));
  });

const spread = (l: Layer, W: Sized, M: Sized): Sized => {
  const wide = l.config.init_weights === 'mini' ? M.columns : W.rows;
  return entries(W.rows, W.columns, W.roundings + 1, (o, i) =>
    total([entryAt(W, o, i), entryAt(M, i % M.rows, o % wide)]),
  );
};

const bat = (l: Layer, W: Sized, name: string): Sized => {
  const B = the(l, name);
  const r = B.shape[1] as number;
  const all = matrixOf(B, W.rows);
  return entries(W.rows, W.columns, W.roundings + r + 2, (o, i) => {
    const [m, n] = [Math.floor(o / r), Math.floor(i / r)];
    const moved = Array.from({ length: r }, (_, k) => times(entryAt(W, o, n * r + k), entryAt(all, m * r + k, i % r)));
    return total([entryAt(W, o, i), ...moved, [at(all, o, i % r), Math.abs(at(all, o, i % r))]]);
  });
};

/** MiSS. */
export const missDefinition = missWith('miss_block');

/** Bone, MiSS's older name. */
export const boneDefinition = missWith('bone_block');

/** The strength alpha / r of a module, each by its pattern. */
export const strengthOf = (l: Layer): number =>
  (byPattern(l.config.alpha_pattern, l.module.name) ?? l.config.alpha) /
  (byPattern(l.config.rank_pattern, l.module.name) ?? l.config.r);

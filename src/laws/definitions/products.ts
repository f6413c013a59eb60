/**
 * Products of low-rank matrices: LoHa, LoKr and HiRA.
 */
import type { Exact } from './definition.js';
import { added, byLayer, the, theMatrix, type Layer } from './layer.js';
import { strengthOf } from './low-rank.js';
import {
  entries,
  entryAt,
  hadamard,
  matrixOf,
  plus,
  product,
  reshaped,
  scaled,
  times,
  total,
  turn,
  type Sized,
} from './matrix.js';

/** X[p, (q, k)] = sum_ij t[i, j, k] wa[i, p] wb[j, q]: a low-rank convolution with a core over its kernel. */
const cored = (core: Exact, wa: Sized, wb: Sized): Sized => {
  const r = core.shape[0] as number;
  const kernel = core.values.length / (r * r);
  const t = matrixOf(core, r * r);
  return entries(wa.columns, wb.columns * kernel, r * r + 4, (p, column) => {
    const [q, k] = [Math.floor(column / kernel), column % kernel];
    return total(
      Array.from({ length: r * r }, (_, ij) => {
        const [i, j] = [Math.floor(ij / r), ij % r];
        return times(entryAt(t, ij, k), entryAt(wa, i, p), entryAt(wb, j, q));
      }),
    );
  });
};

/** s (w1a w1b) * (w2a w2b), element by element; with cores each is a low-rank convolution. */
export const lohaDefinition = added((l) => {
  if (l.tensor('hada_w1_a') === undefined) return undefined;
  const one = (i: 1 | 2): Sized => {
    const [a, b, core] = [theMatrix(l, `hada_w${i}_a`), theMatrix(l, `hada_w${i}_b`), l.tensor(`hada_t${i}`)];
    return core === undefined ? product(a, b) : cored(core, a, b);
  };
  return scaled(strengthOf(l), hadamard(one(1), one(2)));
});

/** w1 (x) w2 with w2's kernel left inside: row (a, c), column (b, d, k). */
const kron = (w1: Sized, w2: Sized): Sized =>
  entries(w1.rows * w2.rows, w1.columns * w2.columns, w1.roundings + w2.roundings + 1, (row, column) =>
    times(
      entryAt(w1, Math.floor(row / w2.rows), Math.floor(column / w2.columns)),
      entryAt(w2, row % w2.rows, column % w2.columns),
    ),
  );

/**
 * PEFT's product with a full w2 [c, d, k] of a Conv1d: torch pads w1 in front to [1, a, b], so the product is [c, a d, b k], and its
 * numbers are read in that order as the weight's.
 */
const padded = (w1: Sized, { shape, values }: Exact): Sized => {
  const [c, d, k] = shape as readonly [number, number, number];
  const [a, b] = [w1.rows, w1.columns];
  const w2 = matrixOf({ shape, values }, c * d);
  const flat = entries(c * a * d, b * k, 1, (row, column) => {
    const [i, ad] = [Math.floor(row / (a * d)), row % (a * d)];
    return times(entryAt(w1, Math.floor(ad / d), Math.floor(column / k)), entryAt(w2, i * d + (ad % d), column % k));
  });
  return { ...flat, roundings: w1.roundings + 1 };
};

const lokrDelta = (l: Layer): Sized | undefined => {
  const [full1, a1] = [l.tensor('lokr_w1'), l.tensor('lokr_w1_a')];
  if (full1 === undefined && a1 === undefined) return undefined;
  const w1 = full1 === undefined ? product(theMatrix(l, 'lokr_w1_a'), theMatrix(l, 'lokr_w1_b')) : matrixOf(full1);
  const [full2, core] = [l.tensor('lokr_w2'), l.tensor('lokr_t2')];
  if (full2?.shape.length === 3) return padded(w1, full2);
  if (full2 !== undefined) return kron(w1, matrixOf(full2));
  const [a, b] = [theMatrix(l, 'lokr_w2_a'), theMatrix(l, 'lokr_w2_b')];
  return kron(w1, core === undefined ? product(a, b) : cored(core, a, b));
};

/** s w1 (x) w2, each in full or as a product. */
export const lokrDefinition = added((l) => {
  const D = lokrDelta(l);
  return D === undefined ? undefined : reshaped(scaled(strengthOf(l), D), l.V.rows);
});

/** W * (1 + B A), element by element; an embedding's rows are its inputs, and a Conv1D is stored as (in, out). */
export const hiraDefinition = byLayer((l) => {
  if (l.param !== 'weight') return undefined;
  const embedding = l.tensor('hira_embedding_A');
  const a = embedding ?? l.tensor('hira_A');
  if (a === undefined) return undefined;
  const prefix = embedding === undefined ? 'hira' : 'hira_embedding';
  const B = matrixOf(the(l, `${prefix}_B`));
  const change = product(B, matrixOf(a));
  const placed = embedding !== undefined || l.transposed ? turn(change) : change;
  return plus(l.V, hadamard(l.V, placed));
});

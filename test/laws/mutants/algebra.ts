/** Broken combinators and undoing. */
import { leavesOf, type Adapter } from '../../../src/adapters/adapter.js';
import { updateAt } from '../../../src/adapters/compile.js';
import { applyUpdate } from '../../../src/adapters/updates/apply.js';
import { weft, type Operations } from '../../../src/laws/index.js';
import { mapRecord, type Tensor } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import type { Mutant } from './mutant.js';

type Compose = Operations['compose'];

/** A composition as it is given, nothing flattened and nothing dropped. */
const nested: Compose = (...adapters) => ({ _tag: 'Compose', algebra: 'routed', adapters });

/** x with the 8 significant bits of bfloat16 (Veltkamp's splitting). */
const toBfloat16 = (x: Tensor): Tensor => {
  const c = tf.mul(x, 2 ** 16 + 1);
  return tf.sub(c, tf.sub(c, x));
};

const operations = (broken: Partial<Operations>): { readonly operations: Partial<Operations> } => ({
  operations: broken,
});

export const algebraMutants: ReadonlyArray<Mutant> = [
  {
    breaks: 'unapply',
    mistake: 'subtracts although it has the base',
    algebra: 'additive',
    ...operations({ unapply: (a, merged) => weft.subtract(a as Adapter<'additive'>, merged) }),
  },
  {
    breaks: 'unapply',
    mistake: 'keeps the merged biases',
    algebra: 'replacement',
    ...operations({
      unapply: (a, merged, base) =>
        mapRecord(weft.unapply(a, merged, base), (W, key) => (key.endsWith('bias') ? (merged[key] ?? W) : W)),
    }),
  },
  {
    breaks: 'unapply by subtraction',
    mistake: 'subtracts the change after a cast to bfloat16',
    algebra: 'additive',
    ...operations({
      subtract: (a, merged) =>
        mapRecord(merged, (V, key) => {
          const update = updateAt(a, key);
          return update === undefined ? V : tf.sub(V, toBfloat16(applyUpdate(update, tf.zerosLike(V))));
        }),
    }),
  },
  {
    breaks: 'unapply by subtraction',
    mistake: 'takes only half of the change back',
    algebra: 'additive',
    ...operations({ subtract: (a, merged) => weft.apply(weft.scale(-0.5, a), merged) }),
  },
  {
    breaks: 'composition',
    mistake: 'drops the second adapter',
    algebra: 'additive',
    ...operations({ compose: (a) => a as Adapter }),
  },
  {
    breaks: 'composition',
    mistake: 'applies in the wrong order',
    algebra: 'dependent',
    ...operations({ compose: (...adapters) => weft.compose(...adapters.toReversed()) }),
  },
  {
    breaks: 'composition',
    mistake: 'takes every change from the original base',
    algebra: 'dependent',
    ...operations({
      apply: (a, w) => {
        if (a._tag !== 'Compose' || leavesOf(a).some((leaf) => leaf.change !== undefined)) return weft.apply(a, w);
        const each = a.adapters.map((part) => weft.apply(part, w));
        return mapRecord(w, (W, key) =>
          each.reduce<Tensor>((V, one) => (one[key] === W ? V : tf.add(V, tf.sub(one[key] as Tensor, W))), W),
        );
      },
    }),
  },
  {
    breaks: 'associativity',
    mistake: 'nests compositions',
    algebra: 'routed',
    ...operations({ compose: nested }),
  },
  {
    breaks: 'associativity',
    mistake: 'ignores what follows a composition',
    algebra: 'additive',
    ...operations({ compose: (a, b) => (a?._tag === 'Compose' ? a : weft.compose(a as Adapter, b as Adapter)) }),
  },
  {
    breaks: 'unit',
    mistake: 'keeps the identity as a part',
    algebra: 'routed',
    ...operations({ compose: nested }),
  },
  {
    breaks: 'unit',
    mistake: 'takes the identity for an absorbing zero',
    algebra: 'additive',
    ...operations({
      compose: (...adapters) => adapters.find((a) => a._tag === 'Identity') ?? weft.compose(...adapters),
    }),
  },
  {
    breaks: 'sum',
    mistake: 'counts the second adapter half',
    algebra: 'additive',
    ...operations({ sum: (a, b) => weft.sum(a as Adapter<'additive'>, weft.scale(0.5, b as Adapter<'additive'>)) }),
  },
  {
    breaks: 'sum',
    mistake: 'drops the second adapter',
    algebra: 'additive',
    ...operations({ sum: (a) => a as Adapter<'additive'> }),
  },
  {
    breaks: 'scale',
    mistake: 'scales both factors',
    algebra: 'additive',
    ...operations({ scale: (c, a) => weft.scale(c * c, a) }),
  },
  {
    breaks: 'scale',
    mistake: 'forgets the sign',
    algebra: 'additive',
    ...operations({ scale: (c, a) => weft.scale(Math.abs(c), a) }),
  },
  {
    breaks: 'scale by 0 and 1',
    mistake: 'adds zero times the change',
    algebra: 'additive',
    ...operations({
      scale: (c, adapter) => (c === 0 ? { _tag: 'Scale', algebra: 'additive', c: 0, adapter } : weft.scale(c, adapter)),
    }),
  },
  {
    breaks: 'scale by 0 and 1',
    mistake: 'wraps an adapter in a scale of 1',
    algebra: 'additive',
    ...operations({
      scale: (c, adapter) => (c === 1 ? { _tag: 'Scale', algebra: 'additive', c, adapter } : weft.scale(c, adapter)),
    }),
  },
  {
    breaks: 'inverse',
    mistake: 'keeps the order of a composition',
    algebra: 'additive',
    ...operations({
      inverse: (a) =>
        a._tag === 'Compose'
          ? (weft.compose(...a.adapters.map((part) => weft.inverse(part as Adapter<'additive'>))) as typeof a)
          : weft.inverse(a),
    }),
  },
  {
    breaks: 'inverse',
    mistake: 'is the adapter itself',
    algebra: 'additive',
    ...operations({ inverse: (a) => a }),
  },
  {
    breaks: 'restriction',
    mistake: 'keeps every module',
    algebra: 'additive',
    ...operations({ restrict: (_, a) => a }),
  },
  {
    breaks: 'restriction',
    mistake: 'loses the first module',
    algebra: 'additive',
    ...operations({ restrict: (modules, a) => weft.restrict(modules.slice(1), a) }),
  },
  {
    breaks: 'restriction',
    mistake: 'restricts the merge and not the attachment',
    algebra: 'additive',
    ...operations({ attach: (a, w) => weft.attach(a._tag === 'Restrict' ? a.adapter : a, w) }),
  },
];

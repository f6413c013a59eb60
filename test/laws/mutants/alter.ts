/** Ways to break a method's update. */
import type { Leaf } from '../../../src/adapters/adapter.js';
import type { Method } from '../../../src/adapters/method.js';
import type { WeightUpdate } from '../../../src/adapters/update.js';
import type { Algebra } from '../../../src/adapters/updates/traits.js';
import type { Tensor } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { eachPart, withUpdate, type Mutant } from './mutant.js';

/** A change of a leaf. */
export type Alter = (leaf: Leaf) => Leaf;

/** The method sees other tensors, told by the ends of their names in the file. */
export const withFile =
  (end: RegExp, change: (X: Tensor) => Tensor): Alter =>
  (leaf) => {
    const update: Method['update'] = (config, site, tensors, options) => {
      const changed = Object.entries(tensors).map(([role, X]) => [
        role,
        end.test(site.tensors[role] ?? '') ? change(X) : X,
      ]);
      return leaf.method.update(config, site, Object.fromEntries(changed), options);
    };
    return { ...leaf, method: { ...leaf.method, update } };
  };

/** The method's update sees another config. */
export const withConfig =
  (change: (c: Readonly<Record<string, number>>) => object): Alter =>
  (leaf) => {
    const update: Method['update'] = (config, ...rest) => leaf.method.update({ ...config, ...change(config) }, ...rest);
    return { ...leaf, method: { ...leaf.method, update } };
  };

/** The update of sites whose key ends like this is another one. */
export const atKeys =
  (end: string, change: (u: WeightUpdate) => WeightUpdate): Alter =>
  (leaf) => {
    const update: Method['update'] = (config, site, ...rest) => {
      const made = leaf.method.update(config, site, ...rest);
      return site.key.endsWith(end) ? change(made) : made;
    };
    return { ...leaf, method: { ...leaf.method, update } };
  };

/** Every part of the update with a factor s has another one. */
export const rescaled = (c: number): Alter =>
  withUpdate(eachPart((u) => ('s' in u && typeof u.s === 'number' ? ({ ...u, s: u.s * c } as WeightUpdate) : u)));

/** Zeros in place of a tensor. */
export const zeros = (X: Tensor): Tensor => tf.zerosLike(X);
/** Ones in place of a tensor. */
export const ones = (X: Tensor): Tensor => tf.onesLike(X);
/** A tensor read from the end of an axis. */
export const backwards =
  (axis: number) =>
  (X: Tensor): Tensor =>
    tf.reverse(X, axis);

/** No update. */
export const nothing: WeightUpdate = { _tag: 'Sequence', updates: [] };

/** A mutant of a method's equation. */
export const mutant = (method: string, algebra: Algebra, mistake: string, alter: Alter): Mutant => ({
  breaks: 'definition',
  method,
  algebra,
  mistake,
  alter,
});

/** A mutant of a method's equation of the forward pass. */
export const forwardMutant = (...told: Parameters<typeof mutant>): Mutant => ({
  ...mutant(...told),
  breaks: 'forward definition',
});

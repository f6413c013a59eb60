/**
 * Deliberately broken adapters and implementations, each of which a law must find.
 */
import type { Adapter, Leaf } from '../../../src/adapters/adapter.js';
import { mapLeaves } from '../../../src/adapters/leaf.js';
import type { Method } from '../../../src/adapters/method.js';
import type { Layout } from '../../../src/adapters/site.js';
import type { WeightUpdate } from '../../../src/adapters/update.js';
import type { Algebra } from '../../../src/adapters/updates/traits.js';
import { E } from '../../../src/fp.js';
import type { Trial } from '../../../src/laws/index.js';
import type { Tensor } from '../../../src/ops/tensor.js';

/** Something broken, and the law that must find it. */
export interface Mutant extends Trial {
  /** The law that it breaks. */
  readonly breaks: string;
  /** The mistake, as a person would make it. */
  readonly mistake: string;
  /** The method whose adapters are drawn, by `peft_type`; LoRA unless told. */
  readonly method?: string;
  /** The adapters that it shows on. */
  readonly algebra: Algebra;
}

/** The leaf with a method that makes another update. */
export const withUpdate =
  (change: (update: WeightUpdate, leaf: Leaf) => WeightUpdate) =>
  (leaf: Leaf): Leaf => {
    const { method } = leaf;
    const update: Method['update'] = (config, site, tensors, options) =>
      change(method.update(config, site, tensors, options), leaf);
    return { ...leaf, method: { ...method, update } };
  };

/** The leaf with a method that sees other tensors. */
export const withTensors =
  (change: (role: string, X: Tensor) => Tensor) =>
  (leaf: Leaf): Leaf => {
    const { method } = leaf;
    const update: Method['update'] = (config, site, tensors, options) =>
      method.update(
        config,
        site,
        Object.fromEntries(Object.entries(tensors).map(([role, X]) => [role, change(role, X)])),
        options,
      );
    return { ...leaf, method: { ...method, update } };
  };

/** The leaf with the sites of another config, and its own config. */
export const withSitesOf =
  (change: (config: Leaf['config']) => object) =>
  (leaf: Leaf): Leaf => {
    const config = { ...leaf.config, ...change(leaf.config) };
    const has = (name: string): boolean => Object.hasOwn(leaf.params, name);
    const layout = leaf.method.layout(config, { spec: leaf.spec, targets: leaf.method.targets, has });
    return E.isLeft(layout) ? leaf : { ...leaf, sites: (layout.right as Layout).sites };
  };

/** A change of every leaf as a change of adapters. */
export const inLeaves =
  (change: (leaf: Leaf) => Leaf) =>
  <A extends Adapter>(adapter: A): A =>
    mapLeaves(adapter, change) as A;

/** The update with a change of each part that does not consist of parts. */
export const eachPart =
  (change: (update: WeightUpdate) => WeightUpdate) =>
  (update: WeightUpdate): WeightUpdate => {
    switch (update._tag) {
      case 'Sum':
      case 'Sequence':
        return { ...update, updates: update.updates.map(eachPart(change)) };
      case 'Normalize':
        return change({ ...update, update: eachPart(change)(update.update) });
      default:
        return change(update);
    }
  };

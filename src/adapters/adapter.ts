/**
 * Adapters as data: leaves (one PEFT checkpoint in memory) and the combinators over them.
 */
import type { DType } from '../ops/dtype.js';
import type { Weights } from '../ops/tensor.js';
import type { ModelSpec } from '../models/spec.js';
import { joinAlgebras, type Algebra } from './updates/traits.js';
import type { BaseConfig } from './config.js';
import type { Indices } from './indices.js';
import type { Method } from './method.js';
import type { Site } from './site.js';
import type { TreeChange } from './tree.js';

/** One adapter checkpoint in memory. */
export interface Leaf<K extends Algebra = Algebra> {
  readonly _tag: 'Leaf';
  readonly algebra: K;
  /** Why this leaf is not additive or not mergeable, for error messages; empty for additive leaves. */
  readonly reasons: ReadonlyArray<string>;
  readonly method: Method;
  readonly config: BaseConfig;
  readonly sites: ReadonlyArray<Site>;
  /** Parameters by the name that they have in the checkpoint file. */
  readonly params: Weights;
  /** Integer tensors by their name in the file: plain data, which is read while updates compile. */
  readonly indices: Readonly<Record<string, Indices>>;
  /** Names under which the file holds a parameter once more, and that parameter's name. */
  readonly copies: Readonly<Record<string, string>>;
  /** Names of the parameters that training changes. */
  readonly trainable: ReadonlyArray<string>;
  /** Storage dtype of each parameter. */
  readonly dtypes: Readonly<Record<string, DType>>;
  /** Whether updates follow PEFT where PEFT breaks a law (see `likePeft`). */
  readonly likePeft: boolean;
  /** For adapters that change the module tree. */
  readonly change: TreeChange | undefined;
  /** The module tree that the adapter was checked against, after its own changes to it. */
  readonly spec: ModelSpec;
}

/** The unit of composition: changes nothing. */
export interface Identity {
  readonly _tag: 'Identity';
  readonly algebra: 'additive';
}

/** Adapters in order: the first applies first. */
export interface Compose<K extends Algebra = Algebra> {
  readonly _tag: 'Compose';
  readonly algebra: K;
  readonly adapters: ReadonlyArray<Adapter<K>>;
}

/** c times the change of an additive adapter. */
export interface Scale {
  readonly _tag: 'Scale';
  readonly algebra: 'additive';
  readonly c: number;
  readonly adapter: Adapter<'additive'>;
}

/** The sum of the changes of additive adapters. */
export interface Sum {
  readonly _tag: 'Sum';
  readonly algebra: 'additive';
  readonly adapters: ReadonlyArray<Adapter<'additive'>>;
}

/** An adapter on some modules only: those whose name is in `modules` or ends with "." and an entry of it. */
export interface Restrict<K extends Algebra = Algebra> {
  readonly _tag: 'Restrict';
  readonly algebra: K;
  readonly modules: ReadonlyArray<string>;
  readonly adapter: Adapter<K>;
}

/** What takes another adapter back, where that is not a scale by -1. */
export interface Inverse<K extends Algebra = Algebra> {
  readonly _tag: 'Inverse';
  readonly algebra: K;
  readonly adapter: Adapter<K>;
}

/** An adapter as a value: a closed algebra of plain data. */
export type Adapter<K extends Algebra = Algebra> =
  Identity | Leaf<K> | Compose<K> | Scale | Sum | Restrict<K> | Inverse<K>;

/** The algebras whose adapters have inverses. */
export type Invertible = 'additive' | 'diagonal' | 'orthogonal';

/** The algebras whose adapters have dense merged weights. */
export type Mergeable = Exclude<Algebra, 'prompt' | 'routed'>;

/** The leaves of an adapter in order of application. */
export const leavesOf = (adapter: Adapter): ReadonlyArray<Leaf> => {
  switch (adapter._tag) {
    case 'Identity':
      return [];
    case 'Leaf':
      return [adapter];
    case 'Compose':
    case 'Sum':
      return adapter.adapters.flatMap(leavesOf);
    case 'Scale':
    case 'Restrict':
    case 'Inverse':
      return leavesOf(adapter.adapter);
  }
};

/** The least lawful algebra among some adapters. */
export const joinOf = (adapters: ReadonlyArray<Adapter>): Algebra => joinAlgebras(adapters.map((a) => a.algebra));

/** Structural equality of adapters: the same tree, the same configs and integers by value, the same parameter tensors by reference. */
export const sameAdapter = (a: Adapter, b: Adapter): boolean => {
  if (a === b) return true;
  switch (a._tag) {
    case 'Identity':
      return b._tag === 'Identity';
    case 'Leaf':
      return b._tag === 'Leaf' && sameLeaf(a, b);
    case 'Compose':
    case 'Sum':
      return (
        b._tag === a._tag &&
        a.adapters.length === b.adapters.length &&
        a.adapters.every((x, i) => sameAdapter(x, b.adapters[i] as Adapter))
      );
    case 'Scale':
      return b._tag === 'Scale' && a.c === b.c && sameAdapter(a.adapter, b.adapter);
    case 'Inverse':
      return b._tag === 'Inverse' && sameAdapter(a.adapter, b.adapter);
    case 'Restrict':
      return (
        b._tag === 'Restrict' && a.modules.join('\0') === b.modules.join('\0') && sameAdapter(a.adapter, b.adapter)
      );
  }
};

const sameLeaf = (a: Leaf, b: Leaf): boolean => {
  const names = Object.keys(a.params);
  return (
    a.method === b.method &&
    JSON.stringify(a.config) === JSON.stringify(b.config) &&
    names.length === Object.keys(b.params).length &&
    names.every((n) => a.params[n] === b.params[n]) &&
    Object.entries(a.indices).every(([n, x]) => x.values.every((v, i) => v === b.indices[n]?.values[i]))
  );
};

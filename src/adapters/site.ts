/**
 * Sites: where an adapter acts, as plain data.
 */
import type { DType } from '../ops/dtype.js';
import type { Shape } from '../ops/tensor.js';
import { joinAlgebras, type Algebra } from './updates/traits.js';

/** One parameter of the model that an adapter changes. */
export interface Site<D = unknown> {
  /** The parameter, as the unmerged forward sees it; may be an alias of a tied one. */
  readonly key: string;
  /** The stored parameters that a merge changes; none where another site of the same tied parameter does it. */
  readonly stored: ReadonlyArray<string>;
  /** The module that owns the parameter. */
  readonly module: string;
  /** Names in the adapter's parameters by the role they play here (`A`, `B`, `value`, ...). */
  readonly tensors: Readonly<Record<string, string>>;
  /** Other parameters of the model that the update reads, by role; for layers whose bias changes with their weight. */
  readonly reads?: Readonly<Record<string, string>>;
  /** What the method knows of this site: rank, scaling, layout. */
  readonly detail: D;
}

/** A tensor that an adapter's checkpoint holds. */
export interface ParamSpec {
  readonly name: string;
  readonly shape: ReadonlyArray<number>;
  readonly trainable: boolean;
  /** May be missing from the file. */
  readonly optional: boolean;
  /**
   * A tensor of places (distinct ones unless they may repeat) in a tensor of this shape, as integers: [axes, n], or any shape for one axis. It stays on the
   * host, see `Leaf.indices`.
   */
  readonly into?: Shape;
  /** With `into`: places may come more than once. */
  readonly repeats?: boolean;
  /** What a new tensor is stored as; F32 for numbers and I32 for places unless told. */
  readonly dtype?: DType;
  /** What to do where a file lacks it, if there is more to say than for other tensors. */
  readonly hint?: string;
  /** The name of a tensor that the file holds once more under this name; see `Leaf.copies`. */
  readonly copyOf?: string;
}

/** A site with the tensors that it brings and the algebra of its update. */
export interface Part<D = unknown> {
  readonly site: Site<D>;
  readonly params: ReadonlyArray<ParamSpec>;
  readonly algebra: Algebra;
  /** Why the algebra is not additive. */
  readonly reason?: string;
}

/** Everything that a config says about a model, before any tensor is read. */
export interface Layout<D = unknown> {
  readonly sites: ReadonlyArray<Site<D>>;
  readonly params: ReadonlyArray<ParamSpec>;
  /** The least lawful algebra among the sites, and why it is not additive. */
  readonly algebra: Algebra;
  readonly reasons: ReadonlyArray<string>;
  /** Things worth telling that are no errors. */
  readonly warnings: ReadonlyArray<string>;
}

/** A layout from its parts, in the order in which their updates apply; `idle` tensors are kept in the file but do nothing. */
export const layoutOfParts = <D>(
  parts: ReadonlyArray<Part<D>>,
  warnings: ReadonlyArray<string>,
  idle: ReadonlyArray<ParamSpec> = [],
): Layout<D> => {
  const algebra = joinAlgebras(parts.map((p) => p.algebra));
  return {
    sites: parts.map((p) => p.site),
    params: [...parts.flatMap((p) => p.params), ...idle],
    algebra,
    reasons: [...new Set(parts.flatMap((p) => (p.algebra === algebra ? (p.reason ?? []) : [])))],
    warnings,
  };
};

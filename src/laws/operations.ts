/**
 * The operations that laws are about, as a record: Weft's own, or another implementation put on trial.
 */
import type { Adapter, Leaf, Mergeable } from '../adapters/adapter.js';
import { apply, applyAt, attach } from '../adapters/apply.js';
import type { BaseLookup } from '../adapters/compile.js';
import type { Attached } from '../adapters/attached.js';
import { compose, identity, inverse, restrict, scale, sum } from '../adapters/combine.js';
import { decodeAdapter, type AdapterFiles, type DecodedAdapter } from '../adapters/decode.js';
import type { Routing } from '../adapters/method.js';
import { unapply } from '../adapters/unapply.js';
import type { WeightUpdate } from '../adapters/update.js';
import { updateRows, type RowBlock, type RowGrid } from '../adapters/updates/rows.js';
import { encodeAdapter, type EncodedAdapter } from '../io/peft.js';
import type { ModelSpec } from '../models/spec.js';
import type { Tensor, Weights } from '../ops/tensor.js';
import { runOver } from './running.js';
import type { Result } from '../problem.js';

type Additive = Adapter<'additive'>;

/** What an implementation of the algebra of adapters offers; the doc comments of Weft's own say what each means. */
export interface Operations {
  readonly apply: (adapter: Adapter<Mergeable>, weights: Weights) => Weights;
  readonly applyAt: (adapter: Adapter<Mergeable>, key: string, W: Tensor, base?: BaseLookup) => Tensor;
  /** With the routing of three samples unless told. */
  readonly attach: (adapter: Adapter, weights: Weights, routing?: Routing) => Attached;
  /** A language model over rows of token ids, after a past. */
  readonly run: typeof runOver;
  /** With the base. */
  readonly unapply: (adapter: Adapter<Mergeable>, merged: Weights, base: Weights) => Weights;
  /** Without it. */
  readonly subtract: (adapter: Additive, merged: Weights) => Weights;
  readonly identity: Adapter<'additive'>;
  readonly compose: (...adapters: ReadonlyArray<Adapter>) => Adapter;
  readonly scale: (c: number, adapter: Additive) => Additive;
  readonly sum: (...adapters: ReadonlyArray<Additive>) => Additive;
  readonly restrict: (modules: ReadonlyArray<string>, adapter: Adapter) => Adapter;
  readonly inverse: (adapter: Additive) => Additive;
  readonly updateRows: (update: WeightUpdate, grid: RowGrid, block: RowBlock) => WeightUpdate;
  readonly encode: (leaf: Leaf) => Promise<Result<EncodedAdapter>>;
  readonly decode: (files: AdapterFiles, base: ModelSpec) => Result<DecodedAdapter>;
}

/** Tasks of the three samples that laws run, and their tokens where a layer reads one for each. */
export const samples: Routing = { taskIds: [0, 1, 0], inputIds: [[1], [0], [1]] };

/** Weft's own. */
export const weft: Operations = {
  apply,
  applyAt,
  attach: (adapter, weights, routing = samples) => attach(adapter, weights, routing),
  run: runOver,
  unapply: (adapter, merged, base) => unapply(adapter, merged, base),
  subtract: (adapter, merged) => unapply(adapter, merged),
  identity,
  compose,
  scale,
  sum,
  restrict,
  inverse,
  updateRows,
  encode: encodeAdapter,
  decode: decodeAdapter,
};

/**
 * New adapters.
 */
import { E, F } from '../fp.js';
import type { ModelSpec } from '../models/spec.js';
import { scope } from '../ops/backend.js';
import type { Key } from '../ops/random.js';
import { lookup, recordOf, type Weights } from '../ops/tensor.js';
import type { Result } from '../problem.js';
import type { Leaf } from './adapter.js';
import { decodeConfig, peftVersion, type BaseConfig } from './config.js';
import { makeLeaf } from './leaf.js';
import type { InitProgress, Method } from './method.js';
import { keysAfter, sourceIn, type TreeChange } from './tree.js';

/** What a new adapter is made from. */
export interface InitOptions {
  /** The module tree of the base model. */
  readonly spec: ModelSpec;
  /** Randomness, used up. */
  readonly key: Key;
  /** Base weights; methods whose start depends on them say so when they are missing. */
  readonly weights?: Weights;
  /** Told, before any tensor is made, what is worth telling: as a file's `warnings` are when it is loaded. */
  readonly onWarning?: (warning: string) => void;
  /** Told of every site when its tensors are made, by methods that decompose weights, which may take minutes. */
  readonly onProgress?: (progress: InitProgress) => void;
}

const underNewKeys = (change: TreeChange | undefined, weights: Weights): Weights =>
  recordOf(
    keysAfter(change, Object.keys(weights)).flatMap((key) => {
      const W = lookup(weights, sourceIn(change, key) ?? '');
      return W === undefined ? [] : [[key, W] as const];
    }),
  );

const noIndices: Result<Readonly<Record<string, Int32Array>>> = E.right({});

/**
 * A new adapter at the start of its training.
 *
 * @param method a method of the registry, or one of your own
 * @param config fields of its config in PEFT's names; missing ones get PEFT's defaults
 * @returns every problem with the config on this model, or the adapter, whose tensors the caller owns
 */
export const init = (
  method: Method,
  config: Readonly<Record<string, unknown>>,
  { spec: base, key, weights = {}, onWarning, onProgress }: InitOptions,
): Result<Leaf> =>
  F.pipe(
    E.Do,
    E.bind('decoded', () =>
      decodeConfig(method.fields, { peft_version: peftVersion, ...config, peft_type: method.peftType }),
    ),
    E.bind('config', ({ decoded }): Result<BaseConfig> => method.validate(decoded.config)),
    E.bind('tree', ({ config: c }) => method.restructure(c, base)),
    E.bind('layout', ({ config: c, tree }) =>
      method.layout(c, {
        spec: tree.spec,
        targets: method.targets,
        has: () => false,
        weights: underNewKeys(tree.change, weights),
      }),
    ),
    E.bind('params', ({ decoded, config: c, tree: { spec, change }, layout }) => {
      [...decoded.warnings, ...layout.warnings].forEach((warning) => onWarning?.(warning));
      return scope(() => method.init(c, { layout, spec, key, weights: underNewKeys(change, weights), onProgress }));
    }),
    E.bind(
      'indices',
      ({ config: c, tree, layout }) => method.indices?.(c, layout, underNewKeys(tree.change, weights)) ?? noIndices,
    ),
    E.map(({ config: c, tree, layout, params, indices }) =>
      makeLeaf({
        method,
        config: c,
        ...tree,
        layout,
        params,
        indices: recordOf(
          layout.params.flatMap(({ name, shape }) => {
            const values = lookup(indices, name);
            return values === undefined ? [] : [[name, { shape, values }] as const];
          }),
        ),
        dtypes: recordOf(
          layout.params
            .filter((p) => p.copyOf !== undefined || Object.hasOwn({ ...params, ...indices }, p.name))
            .map((p) => [p.name, p.dtype ?? (p.into === undefined ? 'F32' : 'I32')] as const),
        ),
      }),
    ),
  );

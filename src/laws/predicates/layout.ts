/**
 * Storage layouts: Linear keeps [out, in], Conv1D keeps [in, out]; an adapter does the same to both.
 */
import type { Leaf } from '../../adapters/adapter.js';
import { makeLeaf } from '../../adapters/leaf.js';
import type { Layout } from '../../adapters/site.js';
import { E } from '../../fp.js';
import { paramKey, type ModelSpec, type ModuleSpec } from '../../models/spec.js';
import { lookup, mapRecord, recordOf, type Tensor, type Weights } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import type { Result } from '../../problem.js';
import { changeAt, startOf } from '../base.js';
import { snapshot, within } from '../compare.js';
import { law, mergeableAt } from '../law.js';
import { magnitudeOf, roundingsOf } from '../magnitude.js';
import { fine } from '../verdict.js';

const turns: Partial<Record<ModuleSpec['kind'], ModuleSpec['kind']>> = { Linear: 'Conv1D', Conv1D: 'Linear' };

/** Modules that change their layout: linear ones whose weight is not shared and whose kind is known. */
const turnedModules = (spec: ModelSpec, ties: ModelSpec['ties']): ReadonlySet<string> =>
  new Set(
    spec.modules
      .filter((m) => turns[m.kind] !== undefined && m.inferred !== true && !m.name.endsWith('.out_proj'))
      .filter((m) => !ties.flat().includes(paramKey(m.name, 'weight')))
      .map((m) => m.name),
  );

const turnedSpec = (spec: ModelSpec, turned: ReadonlySet<string>): ModelSpec => ({
  ...spec,
  modules: spec.modules.map((m) =>
    turned.has(m.name)
      ? {
          ...m,
          kind: turns[m.kind] as ModuleSpec['kind'],
          params: { ...m.params, weight: (m.params['weight'] ?? []).toReversed() },
        }
      : m,
  ),
});

/** Names of parameters that replace a weight as a whole, and therefore turn with it. */
const turnedParams = (leaf: Leaf, keys: ReadonlySet<string>): ReadonlySet<string> =>
  new Set(
    leaf.sites
      .filter((site) => keys.has(site.key) && (site.detail as { readonly _tag?: unknown })?._tag === 'Value')
      .flatMap((site) => Object.values(site.tensors)),
  );

const transposed = (weights: Weights, turned: (key: string) => boolean): Weights =>
  mapRecord(weights, (W, key) => (turned(key) ? tf.transpose(W) : W));

/** The leaf with its own config and parameters on another tree. */
const onTree = (leaf: Leaf, spec: ModelSpec, params: Weights): Result<Leaf> =>
  E.map((layout: Layout) => makeLeaf({ ...leaf, spec, layout, params }))(
    leaf.method.layout(leaf.config, {
      spec,
      targets: leaf.method.targets,
      has: (name) => Object.hasOwn(leaf.params, name),
    }) as Result<Layout>,
  );

/** Transposing the storage of linear layers transposes what an adapter makes of them, where its method takes both. */
export const layoutLaw = law(
  'layout',
  'apply(a on transposed modules, transpose(w)) = transpose(apply(a, w)) up to rounding',
  { atMost: 'dependent' },
  async (s) => {
    const [leaf] = s.leaves;
    const turned = turnedModules(leaf.spec, [...leaf.spec.ties, ...s.base.ties]);
    const keys = new Set([...turned].map((name) => paramKey(name, 'weight')));
    const values = turnedParams(leaf, keys);
    const other = onTree(
      leaf,
      turnedSpec(leaf.spec, turned),
      transposed(leaf.params, (n) => values.has(n)),
    );
    // a method that acts on one of the two layouts only says so, or leaves the other alone
    if (E.isLeft(other) || other.right.sites.length < leaf.sites.length) return fine;
    const plain = { ...s, adapters: [leaf] as const };
    const a = mergeableAt(plain, 0);
    const start = startOf(a, s.weights);
    // turned where the adapted model has the module, under the key that the base has for it
    const source = new Set(
      Object.keys(start)
        .filter((key) => keys.has(key))
        .map((key) => (start[key] as Tensor).id),
    );
    const turnedWeights = mapRecord(s.weights, (W) => (source.has(W.id) ? tf.transpose(W) : W));
    const there = s.operations.apply(other.right as typeof a, turnedWeights);
    const here = transposed(s.operations.apply(a, s.weights), (key) => keys.has(key));
    const M = await snapshot(
      transposed(
        mapRecord(start, (W, key) => magnitudeOf(changeAt(a, s.weights, key), W)),
        (key) => keys.has(key),
      ),
    );
    const roundings = Object.entries(start).map(([key, W]) => roundingsOf(changeAt(a, s.weights, key), W.shape));
    return within(await snapshot(recordOf(Object.entries(there))), await snapshot(here), {
      ulps: 2 * Math.max(0, ...roundings),
      of: (key, i) => lookup(M, key)?.values[i] ?? 0,
    });
  },
);

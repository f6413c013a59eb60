/**
 * The two readings of an adapter agree: merged into the weights, or beside them.
 */
import { leavesOf, type Adapter } from '../../adapters/adapter.js';
import { specAfter } from '../../adapters/compile.js';
import { ownerOf, type ModelSpec } from '../../models/spec.js';
import { lookup, mapRecord, recordOf, type Weights } from '../../ops/tensor.js';
import { changeAt, startOf } from '../base.js';
import { snapshot, within } from '../compare.js';
import { law, mergeableAt } from '../law.js';
import { magnitudeOf, roundingsOf } from '../magnitude.js';
import { layerUses, type LayerUse } from '../uses.js';
import { together } from '../verdict.js';

/** The changes of a key in each reading, told by the names of their tensors. */
const changesBy = (adapter: Adapter, key: string, reading: 'key' | 'stored'): string =>
  leavesOf(adapter)
    .flatMap((leaf, i) =>
      leaf.sites
        .filter((s) => [s[reading]].flat().includes(key))
        .map((s) => `${i} ${Object.values(s.tensors).join(' ')}`),
    )
    .join('\n');

/** Keys of tied parameters that are changed on one side only: merging changes both sides of those. */
const oneSided = (adapter: Adapter, spec: ModelSpec): ReadonlySet<string> =>
  new Set(
    spec.ties
      .filter(([alias, owner]) => {
        const stored = changesBy(adapter, owner, 'stored');
        return [alias, owner].some((key) => changesBy(adapter, key, 'key') !== stored);
      })
      .flat(),
  );

/** A guessed Linear that the config calls a Conv1D computes as neither. */
const knownKinds = (spec: ModelSpec): ModelSpec => ({
  ...spec,
  modules: spec.modules.filter((m) => m.inferred !== true),
});

const roundings = (adapter: Adapter, weights: Weights, start: Weights, use: LayerUse): number =>
  use.terms +
  use.keys.reduce((n, key) => n + roundingsOf(changeAt(adapter, weights, key), lookup(start, key)?.shape ?? []), 0);

/** Every layer gives the same output with the adapter merged and with it beside the weights. */
export const forwardLaw = law(
  'merged = attached',
  'layer(apply(a, w), x) = layer(attach(a, w), x) up to rounding, for every layer but tied ones changed on one side',
  { atMost: 'dependent' },
  async (s) => {
    const a = mergeableAt(s, 0);
    const spec = specAfter(a, s.base);
    const skipped = oneSided(a, spec);
    const uses = layerUses(knownKinds(spec), s.key).filter((use) => !use.keys.some((key) => skipped.has(key)));
    const start = startOf(a, s.weights);
    const merged = s.operations.apply(a, s.weights);
    const attached = s.operations.attach(a, s.weights);
    const magnitudes = mapRecord(start, (W, key) => magnitudeOf(changeAt(a, s.weights, key), W));
    const outputs = (f: (use: LayerUse) => ReturnType<LayerUse['y']>): Weights =>
      recordOf(uses.map((use) => [use.name, f(use)] as const));
    const y = await snapshot(outputs((use) => use.y(merged)));
    const z = await snapshot(outputs((use) => use.y(attached)));
    const bounds = await snapshot(outputs((use) => use.bound(magnitudes)));
    return together(
      uses.map((use) => {
        const owners = { ...use, keys: use.keys.map((key) => ownerOf(spec, key)) };
        const one = (all: typeof y) => recordOf([[use.name, all[use.name] as (typeof y)[string]]]);
        return within(one(z), one(y), {
          ulps: 2 * roundings(a, s.weights, start, owners),
          of: (name, i) => bounds[name]?.values[i] ?? 0,
        });
      }),
    );
  },
);

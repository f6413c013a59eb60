/**
 * Starting values, parameter by parameter.
 */
import { E } from '../fp.js';
import { split, type Key } from '../ops/random.js';
import { recordOf, type Shape, type Tensor, type Weights } from '../ops/tensor.js';
import { all, type Result } from '../problem.js';
import { initAuxiliary, isAuxiliary } from './auxiliary.js';
import type { InitProgress } from './method.js';
import type { Layout, Site } from './site.js';

/** Makes the starting value of the parameter that plays `role` at a site. */
export type Starter<D> = (site: Site<D>, role: string, key: Key, shape: Shape) => Result<Tensor>;

/**
 * The starting values of a layout's parameters: auxiliary ones at the base's values, the method's own from `start`, each with
 * a key of its own. A parameter that several sites share is made once, for the first of them.
 */
export const initParams = <D>(
  layout: Layout<D>,
  key: Key,
  weights: Weights,
  start: Starter<D>,
  onProgress?: (progress: InitProgress) => void,
): Result<Weights> => {
  const shapes = new Map(layout.params.filter((p) => p.into === undefined).map((p) => [p.name, p.shape]));
  const made = new Set<string>();
  const keys = split(key, layout.sites.length);
  const parts = layout.sites.map((site, i): Result<ReadonlyArray<readonly [string, Tensor]>> => {
    if (isAuxiliary(site)) return initAuxiliary(site, weights);
    const roles = Object.entries(site.tensors).filter(([, name]) => shapes.has(name) && !made.has(name));
    roles.forEach(([, name]) => made.add(name));
    const own = split(keys[i] as Key, Math.max(1, roles.length));
    const values = all(
      roles.map(([role, name], j) =>
        E.map((value: Tensor) => [name, value] as const)(start(site, role, own[j] as Key, shapes.get(name) as Shape)),
      ),
    );
    onProgress?.({ module: site.module, done: i + 1, total: layout.sites.length });
    return values;
  });
  return E.map((entries: ReadonlyArray<ReadonlyArray<readonly [string, Tensor]>>) => recordOf(entries.flat()))(
    all(parts),
  );
};

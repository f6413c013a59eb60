/**
 * Merging one layer with Weft: reads the base and the adapter that PEFT wrote.
 */
import { join } from 'node:path';
import { readFile } from 'node:fs/promises';
import * as t from 'io-ts';
import { apply } from '../../src/adapters/apply.js';
import type { Adapter } from '../../src/adapters/adapter.js';
import { mergeable } from '../../src/adapters/combine.js';
import { E } from '../../src/fp.js';
import { checkpointOf } from '../../src/io/checkpoint.js';
import { readWeights } from '../../src/io/model.js';
import { loadAdapter } from '../../src/io/peft.js';
import { specFromModules } from '../../src/models/spec-of.js';
import { dispose, tensorOf } from '../../src/ops/backend.js';
import { mapRecord, recordOf, type Tensor, type Weights } from '../../src/ops/tensor.js';
import type { Made } from '../made.js';
import { onTfjs } from '../on-tfjs.js';
import { orThrow } from '../../parity/or-throw.js';
import type { Task } from '../protocol.js';

/** One layer and one adapter. */
export const MergeTask = t.readonly(
  t.type({
    layer: t.string,
    size: t.number,
    type: t.string,
    fields: t.UnknownRecord,
    /** Folders. */
    base: t.string,
    adapter: t.string,
    /** Whether loading the adapter is a part of every run. */
    loading: t.boolean,
  }),
);

export type MergeTask = t.TypeOf<typeof MergeTask>;

const taskOf = (task: Task): MergeTask => {
  const merge = MergeTask.decode(task);
  if (E.isLeft(merge)) throw new TypeError('expected a layer and an adapter');
  return merge.right;
};

/** W' - W. */
const change = (merged: Tensor, base: Tensor): Float32Array => {
  const [after, before] = [merged.dataSync(), base.dataSync()];
  return Float32Array.from(after, (v, i) => v - (before[i] as number));
};

export const prepare = onTfjs(async (task) => {
  const { layer, base, adapter: folder, loading } = taskOf(task);
  const checkpoint = orThrow(checkpointOf(await readFile(join(base, 'model.safetensors'))));
  const shapes = recordOf([...checkpoint.tensors].map(([name, { shape }]) => [name, shape] as const));
  const modules = { '': { kind: 'OneLayer' }, layer: { kind: layer } };
  const spec = orThrow(specFromModules({ model: 'OneLayer', modules }, shapes));
  const weights = orThrow(await readWeights({ checkpoint, spec }));
  const merge = (adapter: Adapter, weights: Weights): Made => {
    const merged = apply(orThrow(mergeable(adapter)), weights);
    return {
      values: () => Object.keys(weights).map((name) => change(merged[name] as Tensor, weights[name] as Tensor)),
      free: () => dispose(merged, { keep: weights }),
    };
  };
  const load = async () => orThrow(await loadAdapter(folder, spec)).adapter;
  if (loading)
    return async () => {
      const adapter = await load();
      // what is remembered of a weight is remembered of its data, and is computed again for a copy
      const unknown = mapRecord(weights, (w) => tensorOf(Float32Array.from(w.dataSync()), w.shape));
      const { values, free } = merge(adapter, unknown);
      return { values, free: () => [free(), dispose(adapter.params), dispose(unknown)] };
    };
  const adapter = await load();
  return () => merge(adapter, weights);
});

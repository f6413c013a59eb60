/**
 * Merging one layer with Weft: reads the base and the adapter that PEFT wrote.
 */
import { join } from 'node:path';
import { readFile } from 'node:fs/promises';
import * as t from 'io-ts';
import { apply } from '../../src/adapters/apply.js';
import { isMergeable } from '../../src/adapters/combine.js';
import { checkpointOf } from '../../src/io/checkpoint.js';
import { readWeights } from '../../src/io/model.js';
import { loadAdapter } from '../../src/io/peft.js';
import { specFromModules } from '../../src/models/spec-of.js';
import { recordOf, type Tensor } from '../../src/ops/tensor.js';
import type { Made } from '../made.js';
import { onTfjs } from '../on-tfjs.js';
import { orThrow } from '../or-throw.js';

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
  }),
);

export type MergeTask = t.TypeOf<typeof MergeTask>;

export const prepare = onTfjs(async (task) => {
  const { layer, base, adapter: folder } = task as MergeTask;
  const checkpoint = orThrow(checkpointOf(await readFile(join(base, 'model.safetensors'))));
  const shapes = recordOf([...checkpoint.tensors].map(([name, { shape }]) => [name, shape] as const));
  const modules = { '': { kind: 'OneLayer' }, layer: { kind: layer } };
  const spec = orThrow(specFromModules({ model: 'OneLayer', modules }, shapes));
  const weights = orThrow(await readWeights({ checkpoint, spec }));
  const { adapter } = orThrow(await loadAdapter(folder, spec));
  if (!isMergeable(adapter)) throw new Error('Weft does not merge it');
  const names = Object.keys(weights);
  return (): Made => {
    const merged = apply(adapter, weights);
    return {
      values: () => names.map((name) => change(merged[name] as Tensor, weights[name] as Tensor)),
      free: () => names.filter((name) => merged[name] !== weights[name]).forEach((name) => merged[name]?.dispose()),
    };
  };
});

/** W' - W. */
const change = (merged: Tensor, base: Tensor): Float32Array => {
  const [after, before] = [merged.dataSync(), base.dataSync()];
  return Float32Array.from(after, (v, i) => v - (before[i] as number));
};

/**
 * A forward pass on tfjs: the base, an adapter beside it, or merged weights.
 */
import * as t from 'io-ts';
import { apply, attach } from '../../src/adapters/apply.js';
import { mergeable } from '../../src/adapters/combine.js';
import { init } from '../../src/adapters/init.js';
import { trainable, withTrainable } from '../../src/adapters/leaf.js';
import { registry } from '../../src/adapters/registry.js';
import { E } from '../../src/fp.js';
import { scope, tensorOf } from '../../src/ops/backend.js';
import { key } from '../../src/ops/random.js';
import { recordOf, type Weights } from '../../src/ops/tensor.js';
import { tf } from '../../src/ops/tf.js';
import { hashed } from '../hashed.js';
import { tensors } from '../made.js';
import { modelTaskOf, readModel } from '../models/read.js';
import { onTfjs } from '../on-tfjs.js';
import { orThrow } from '../../parity/or-throw.js';

const ExampleTask = t.type({ type: t.string, fields: t.UnknownRecord });

/** Which reading of the adapter a run takes. */
export type Reading = 'base' | 'attached' | 'merged';

/** Parameters away from their start, where some adapters change nothing. */
const moved = (params: Weights): Weights =>
  recordOf(
    Object.entries(params).map(([name, p], i) => [name, tf.add(p, tensorOf(hashed(i + 10, p.shape, 0.02), p.shape))]),
  );

export const prepare = onTfjs(async (task) => {
  const { spec, weights, forward, inputIds } = await readModel(modelTaskOf(task));
  const example = ExampleTask.decode(task);
  if (E.isLeft(example)) throw new TypeError('expected a method and its fields');
  const method = registry[example.right.type];
  if (method === undefined) throw new TypeError(`expected a method, found ${example.right.type}`);
  const fresh = orThrow(init(method, example.right.fields, { spec, key: key(1), weights }));
  const adapter = orThrow(mergeable(withTrainable(fresh, moved(trainable(fresh)))));
  const merged = apply(adapter, weights);
  const readings = {
    base: () => forward(weights, { inputIds }),
    attached: () => forward(attach(adapter, weights), { inputIds }),
    merged: () => forward(merged, { inputIds }),
  };
  return ({ reading }) => tensors([scope(readings[reading as Reading])]);
});

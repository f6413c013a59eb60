/**
 * A model of a bench in memory, as a task names it.
 */
import * as t from 'io-ts';
import { openModel, readWeights } from '../../src/io/model.js';
import { modelOf } from '../../src/models/registry.js';
import { E } from '../../src/fp.js';
import { tensorOf } from '../../src/ops/backend.js';
import { orThrow } from '../../parity/or-throw.js';
import type { Task } from '../protocol.js';

const ModelTask = t.readonly(
  t.type({
    /** Folders of the model and of a LoRA. */
    base: t.string,
    adapter: t.string,
    /** Sequences and their tokens. */
    ids: t.readonly(t.tuple([t.number, t.number])),
    vocabulary: t.number,
  }),
);

/** A model, a LoRA, and a batch. */
export type ModelTask = t.TypeOf<typeof ModelTask>;

/** The model that a task names. */
export const modelTaskOf = (task: Task): ModelTask => {
  const model = ModelTask.decode(task);
  if (E.isLeft(model)) throw new TypeError('expected a model, an adapter and ids');
  return model.right;
};

/** Token ids spread over the vocabulary. */
export const tokenIds = ({ ids: [B, T], vocabulary }: ModelTask): Int32Array =>
  Int32Array.from({ length: B * T }, (_, i) => (i * 7919) % vocabulary);

/** Module tree, weights, forward pass and batch. */
export const readModel = async (task: ModelTask) => {
  const model = orThrow(await openModel(task.base));
  const weights = orThrow(await readWeights(model));
  await model.checkpoint.close();
  return {
    spec: model.spec,
    weights,
    forward: orThrow(modelOf(model.spec)),
    inputIds: tensorOf(tokenIds(task), task.ids),
  };
};

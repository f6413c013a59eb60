/**
 * A training step as data.
 */
import * as t from 'io-ts';
import { E } from '../../src/fp.js';
import type { Task } from '../protocol.js';

const StepTask = t.readonly(
  t.type({
    /** Folders of the model and of the adapter. */
    base: t.string,
    adapter: t.string,
    /** Sequences and their tokens. */
    ids: t.readonly(t.tuple([t.number, t.number])),
    vocabulary: t.number,
  }),
);

/** Loss and gradients of an adapter's parameters on a model. */
export type StepTask = t.TypeOf<typeof StepTask>;

/** The task as a step. */
export const stepOf = (task: Task): StepTask => {
  const step = StepTask.decode(task);
  if (E.isLeft(step)) throw new TypeError('expected a model, an adapter and ids');
  return step.right;
};

/** Token ids spread over the vocabulary. */
export const tokenIds = ({ ids: [B, T], vocabulary }: StepTask): Int32Array =>
  Int32Array.from({ length: B * T }, (_, i) => (i * 7919) % vocabulary);

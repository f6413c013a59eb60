/**
 * Comparing a merge with a checkpoint instead of writing it: a merge into a writer that keeps nothing.
 */
import { E } from '../../fp.js';
import type { Adapter, Mergeable } from '../../adapters/adapter.js';
import { sameShape, showShape } from '../../ops/tensor.js';
import { orProblems, problem, type Problem, type Result } from '../../problem.js';
import type { Checkpoint } from '../checkpoint.js';
import type { FileWriter, Writer } from '../file-system.js';
import type { MergePlan, TensorPlan } from './plan.js';
import { runMerge, type MergeOptions } from './run.js';
import { distanceOf, joinDistances, noDistance, type Distance } from './ulps.js';

/** A merged tensor, and how far another checkpoint's tensor of that name is from it. */
export interface TensorDistance extends Distance {
  readonly name: string;
}

/** The part of a plan that computes: the tensors that change, without headers and copies. */
const changedOnly = (plan: MergePlan): MergePlan => ({
  ...plan,
  totalBytes: plan.changedBytes,
  files: plan.files.map((file) => ({
    name: file.name,
    head: new Uint8Array(),
    tensors: file.tensors.filter((t) => t.key !== undefined),
    same: false,
  })),
});

/** A file writer that compares what it is given, tensor after tensor, with those of a checkpoint. */
const comparingFile = (
  path: string,
  tensors: ReadonlyArray<TensorPlan>,
  other: Checkpoint,
  found: (distance: TensorDistance) => void,
): FileWriter => {
  const rest = [...tensors];
  const at = { offset: 0, distance: noDistance, total: 0 };
  const next = (): TensorPlan | undefined => {
    while (rest[0] !== undefined && at.offset === rest[0].stored.byteLength) {
      found({ name: rest[0].name, ...at.distance });
      rest.shift();
      Object.assign(at, { offset: 0, distance: noDistance });
    }
    return rest[0];
  };
  const write = async (bytes: Uint8Array): Promise<Result<void>> => {
    for (let done = 0; done < bytes.length;) {
      const plan = next();
      if (plan === undefined) throw new RangeError(`${path}: more bytes than its tensors have`);
      const part = bytes.subarray(done, done + Math.min(bytes.length - done, plan.stored.byteLength - at.offset));
      const theirs = await other.readRange(plan.name, at.offset, part.length);
      if (E.isLeft(theirs)) return theirs;
      at.distance = joinDistances(at.distance, distanceOf(plan.stored.dtype, part, theirs.right));
      at.offset += part.length;
      done += part.length;
    }
    at.total += bytes.length;
    return E.right(undefined);
  };
  const close = async (): Promise<Result<number>> => {
    next();
    return E.right(at.total);
  };
  return { path, write, close };
};

/** Tensors of a merge that another checkpoint does not have in the same type and shape. */
const typeProblems = (plan: MergePlan, other: Checkpoint): ReadonlyArray<Problem> =>
  plan.files
    .flatMap((file) => file.tensors)
    .flatMap(({ name, stored }) => {
      const theirs = other.tensors.get(name);
      const expected = `${stored.dtype} ${showShape(stored.shape)}`;
      const same = theirs !== undefined && theirs.dtype === stored.dtype && sameShape(theirs.shape, stored.shape);
      return same
        ? []
        : [
            problem(
              `${other.name}: ${name}`,
              expected,
              theirs === undefined ? 'no such tensor' : `${theirs.dtype} ${showShape(theirs.shape)}`,
              'Is this a merge of this adapter into this base?',
            ),
          ];
    });

/**
 * How far a checkpoint's tensors are from apply(adapter, base), for every tensor that the adapter changes.
 *
 * Holds what a merge holds. Problems: tensors that the checkpoint lacks or has in another type or shape.
 *
 * @param plan the merge of the adapter into the base
 * @param merged the checkpoint that may be its result
 */
export const compareMerge = async (
  plan: MergePlan,
  base: Checkpoint,
  adapter: Adapter<Mergeable>,
  merged: Checkpoint,
  options: MergeOptions = {},
): Promise<Result<ReadonlyArray<TensorDistance>>> => {
  const types = orProblems(typeProblems(plan, merged), () => changedOnly(plan));
  if (E.isLeft(types)) return types;
  const distances: TensorDistance[] = [];
  const tensorsOf = new Map(types.right.files.map((file) => [file.name, file.tensors]));
  const writer: Pick<Writer, 'create'> = {
    create: async (name) =>
      E.right(comparingFile(name, tensorsOf.get(name) ?? [], merged, (distance) => distances.push(distance))),
  };
  const run = await runMerge(types.right, base, adapter, writer as Writer, { ...options });
  return E.map(() => distances)(run);
};

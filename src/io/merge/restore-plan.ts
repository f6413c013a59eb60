/**
 * What taking an adapter out of a merged checkpoint will write, as data: the base's bytes where the adapter acted, the
 * merged checkpoint's everywhere else.
 */
import { E } from '../../fp.js';
import { leavesOf, type Adapter, type Mergeable } from '../../adapters/adapter.js';
import { sameShape } from '../../ops/tensor.js';
import { orProblems, problem, type Problem, type Result } from '../../problem.js';
import type { Checkpoint, CheckpointFile } from '../checkpoint.js';
import type { OpenModel } from '../model.js';
import { planMerge, type MergePlan, type TensorPlan } from './plan.js';

/** One tensor of the output. */
export interface RestoredTensor {
  readonly name: string;
  readonly from: 'base' | 'merged';
  /** Its name in the checkpoint that it comes from. */
  readonly source: string;
  readonly byteLength: number;
}

/** One file of the output, in the base's layout. */
export interface RestoredFile {
  readonly name: string;
  readonly head: Uint8Array;
  readonly tensors: ReadonlyArray<RestoredTensor>;
  /** Equal to the merged checkpoint's file of the same name, byte for byte. */
  readonly same: boolean;
}

/** An unmerge with a base, as data. */
export interface RestorePlan {
  /** The merge that is undone. */
  readonly merge: MergePlan;
  readonly files: ReadonlyArray<RestoredFile>;
  /** Tensors that come back from the base. */
  readonly restored: ReadonlyArray<string>;
  readonly totalBytes: number;
  readonly restoredBytes: number;
  /** The adapter had changed the module tree, so config.json comes back from the base too. */
  readonly moved: boolean;
}

/** Where a base tensor's bytes come from, given the merged tensors that started from it. */
const originOf = (name: string, derived: ReadonlyArray<TensorPlan>): Pick<RestoredTensor, 'from' | 'source'> => {
  const kept = derived.every((t) => t.key === undefined) ? derived[0] : undefined;
  return kept === undefined ? { from: 'base', source: name } : { from: 'merged', source: kept.name };
};

const sameBytes = (a: Uint8Array, b: Uint8Array | undefined): boolean =>
  b !== undefined && a.length === b.length && a.every((x, i) => x === b[i]);

const restoredFile = (
  file: CheckpointFile,
  merged: Checkpoint,
  derivedOf: (name: string) => ReadonlyArray<TensorPlan>,
): RestoredFile => {
  const tensors = [...file.header.tensors].map(([name, { begin, end }]) => ({
    name,
    ...originOf(name, derivedOf(name)),
    byteLength: end - begin,
  }));
  const same =
    tensors.every((t) => t.from === 'merged' && t.source === t.name) &&
    sameBytes(file.headerBytes, merged.files.get(file.name)?.headerBytes);
  return { name: file.name, head: file.headerBytes, tensors, same };
};

/** Copied tensors must be there in the base's type and shape; changed ones are checked where they are compared. */
const mergedProblems = (plan: MergePlan, merged: Checkpoint): ReadonlyArray<Problem> => {
  const plans = plan.files.flatMap((f) => f.tensors);
  const names = new Set(plans.map((t) => t.name));
  const extra = [...merged.tensors.keys()].filter((name) => !names.has(name));
  const hint = 'Is this the base of the merged model?';
  return [
    ...plans
      .filter(({ name, stored }) => {
        const theirs = merged.tensors.get(name);
        return theirs === undefined || theirs.dtype !== stored.dtype || !sameShape(theirs.shape, stored.shape);
      })
      .map(({ name, stored }) => {
        const theirs = merged.tensors.get(name);
        const found = theirs === undefined ? 'no such tensor' : `${theirs.dtype} [${theirs.shape.join(', ')}]`;
        return problem(`${merged.name}: ${name}`, `${stored.dtype} [${stored.shape.join(', ')}]`, found, hint);
      }),
    ...extra.map((name) =>
      problem(`${merged.name}: ${name}`, 'only tensors that the base and the adapter bring', 'one more', hint),
    ),
  ];
};

/**
 * Plans to take an adapter out of a merged checkpoint.
 *
 * Problems: what `planMerge` finds, and every tensor by which the merged checkpoint is no merge of this adapter into this base.
 */
export const planRestore = (base: OpenModel, merged: Checkpoint, adapter: Adapter<Mergeable>): Result<RestorePlan> =>
  E.chain((merge: MergePlan) => {
    const bySource = new Map<string, TensorPlan[]>();
    for (const t of merge.files.flatMap((f) => f.tensors)) {
      bySource.set(t.source, [...(bySource.get(t.source) ?? []), t]);
    }
    return orProblems(mergedProblems(merge, merged), () => {
      const files = [...base.checkpoint.files.values()].map((file) =>
        restoredFile(file, merged, (name) => bySource.get(name) ?? []),
      );
      const tensors = files.flatMap((f) => f.tensors);
      const restored = tensors.filter((t) => t.from === 'base');
      const bytes = (ts: ReadonlyArray<RestoredTensor>): number => ts.reduce((n, t) => n + t.byteLength, 0);
      return {
        merge,
        files,
        restored: restored.map((t) => t.name),
        totalBytes: bytes(tensors),
        restoredBytes: bytes(restored),
        moved: leavesOf(adapter).some((leaf) => leaf.change !== undefined),
      };
    });
  })(planMerge(base.checkpoint, adapter, base.spec));

/**
 * Taking an adapter out of a merged model folder.
 */
import { pathInside, writeFolderAtomic } from '#fs';
import { leavesOf, type Adapter, type Invertible, type Mergeable } from '../../adapters/adapter.js';
import { inverse } from '../../adapters/combine.js';
import { E } from '../../fp.js';
import { fail, orProblems, problem, type Problem, type Result } from '../../problem.js';
import type { Checkpoint } from '../checkpoint.js';
import type { FileWriter, Writer } from '../file-system.js';
import type { OpenModel } from '../model.js';
import { compareMerge, type TensorDistance } from './compare.js';
import { mergeFolder, type FolderMergeOptions } from './folder.js';
import type { MergePlan } from './plan.js';
import { copyBeside } from './rest.js';
import { planRestore, type RestoredFile, type RestorePlan } from './restore-plan.js';
import type { MergeOptions } from './run.js';

/** A model folder and what is open of it. */
export interface ModelFolder {
  readonly folder: string;
  readonly model: OpenModel;
}

/** An unmerge with a base: its plan and how far the merged tensors were from apply(adapter, base). */
export interface Restored {
  readonly plan: RestorePlan;
  readonly distances: ReadonlyArray<TensorDistance>;
}

/** Steps by which a merge in another order of summation may differ. */
const MOST_ULPS = 1;

/** The same for elements near zero, which round by the size of what was summed: a part of the tensor's largest value. */
const MOST_ERROR = 2 ** -20;

/** Whether a merged tensor is too far from apply(adapter, base) for summation order to be the reason. */
const isFar = (d: TensorDistance): boolean => d.ulps > MOST_ULPS && !(d.error <= MOST_ERROR * d.largest);

/** Tensors that are named when a base or an adapter is the wrong one. */
const MOST_NAMED = 5;

const CHUNK = 1 << 20;

const relative = (d: TensorDistance): number => (d.error === 0 ? 0 : d.error / d.largest);

const byDistance = (a: TensorDistance, b: TensorDistance): number =>
  relative(b) - relative(a) || b.differing - a.differing;

/** The tensors that are too far away, worst first. */
const wrongBase = (distances: ReadonlyArray<TensorDistance>, at: string): ReadonlyArray<Problem> => {
  const far = distances.filter(isFar).toSorted(byDistance);
  return far
    .slice(0, MOST_NAMED)
    .map((d, i) =>
      problem(
        `${at}: ${d.name}`,
        'apply(adapter, base) up to the order of summation',
        `${d.differing} of ${d.elements} elements differ, by up to ${d.error.toPrecision(3)} beside values up to ${d.largest.toPrecision(3)}`,
        i > 0
          ? ''
          : `Wrong base or adapter: ${far.length} of ${distances.length} tensors are no merge of this adapter into this base.`,
      ),
    );
};

/**
 * Checks, without writing, that a merged checkpoint is apply(adapter, base), and plans the way back.
 *
 * Problems: what `planRestore` finds, and the tensors that are further from the merge than the order of
 * summation can make them: 1 ulp, or 2^-20 of the tensor's largest value.
 */
export const checkRestore = async (
  base: OpenModel,
  merged: Checkpoint,
  adapter: Adapter<Mergeable>,
  options: MergeOptions = {},
): Promise<Result<Restored>> => {
  const plan = planRestore(base, merged, adapter);
  if (E.isLeft(plan)) return plan;
  const distances = await compareMerge(plan.right.merge, base.checkpoint, adapter, merged, options);
  if (E.isLeft(distances)) return distances;
  return orProblems(wrongBase(distances.right, merged.name), () => ({ plan: plan.right, distances: distances.right }));
};

const copyTensors = async (
  file: RestoredFile,
  checkpoints: { readonly base: Checkpoint; readonly merged: Checkpoint },
  to: FileWriter,
  advance: (bytes: number, tensor: string) => void,
): Promise<Result<void>> => {
  const head = await to.write(file.head);
  if (E.isLeft(head)) return head;
  for (const { name, from, source, byteLength } of file.tensors) {
    for (let offset = 0; offset < byteLength; offset += CHUNK) {
      const length = Math.min(CHUNK, byteLength - offset);
      const bytes = await checkpoints[from].readRange(source, offset, length);
      if (E.isLeft(bytes)) return bytes;
      const written = await to.write(bytes.right);
      if (E.isLeft(written)) return written;
      advance(length, name);
    }
  }
  return E.map(() => undefined)(await to.close());
};

const copyWhole = async (folder: string, name: string, writer: Writer): Promise<Result<void>> => {
  const path = await pathInside(folder, name);
  return E.isLeft(path) ? path : writer.copyFile(path.right, name);
};

/** config.json and the index belong to the tensors' names; the rest is the merged folder's. */
const writeBeside = async (plan: RestorePlan, base: ModelFolder, merged: ModelFolder, writer: Writer) => {
  const { index } = base.model.checkpoint;
  const copied =
    index === undefined ? E.right(undefined) : await copyWhole(base.folder, 'model.safetensors.index.json', writer);
  if (E.isLeft(copied)) return copied;
  const config = plan.moved ? await copyWhole(base.folder, 'config.json', writer) : E.right(undefined);
  if (E.isLeft(config)) return config;
  return copyBeside(merged.folder, writer, new Set(plan.moved ? ['config.json'] : []));
};

/**
 * The base's folder back from a merged one: out/ = unapply(adapter, merged/, base/), bit for bit.
 *
 * Every tensor that the adapter changes is recomputed from the base, compared with the merged one, and written with the
 * base's bytes; all others, and the files beside them, are the merged folder's. Two passes, each a tile at a time. On any
 * problem nothing is left.
 *
 * @param out a new or empty folder
 */
export const restoreFolder = async (
  merged: ModelFolder,
  base: ModelFolder,
  adapter: Adapter<Mergeable>,
  out: string,
  options: MergeOptions = {},
): Promise<Result<Restored>> => {
  const checked = await checkRestore(base.model, merged.model.checkpoint, adapter, {
    ...(options.tileBytes === undefined ? {} : { tileBytes: options.tileBytes }),
    ...(options.kernel === undefined ? {} : { kernel: options.kernel }),
  });
  if (E.isLeft(checked)) return checked;
  const { plan } = checked.right;
  const progress = { doneBytes: 0 };
  const advance = (bytes: number, tensor: string): void => {
    progress.doneBytes += bytes;
    options.onProgress?.({ doneBytes: progress.doneBytes, totalBytes: plan.totalBytes, tensor });
  };
  const checkpoints = { base: base.model.checkpoint, merged: merged.model.checkpoint };
  return writeFolderAtomic(out, async (writer) => {
    for (const file of plan.files) {
      if (file.same) {
        const whole = await copyWhole(merged.folder, file.name, writer);
        if (E.isLeft(whole)) return whole;
        file.tensors.forEach((t) => advance(t.byteLength, t.name));
        continue;
      }
      const to = await writer.create(file.name);
      if (E.isLeft(to)) return to;
      const done = await copyTensors(file, checkpoints, to.right, advance);
      if (E.isLeft(done)) return done;
    }
    return E.map(() => checked.right)(await writeBeside(plan, base, merged, writer));
  });
};

/**
 * The base's folder back from a merged one by the inverse, a subtraction where the adapter adds: out/ = apply(inverse(adapter), merged/), within rounding of the base.
 *
 * Problem: an adapter that changes the module tree, whose base tree a merged folder does not tell.
 *
 * @param out a new or empty folder
 */
export const subtractFolder = async (
  merged: ModelFolder,
  adapter: Adapter<Invertible>,
  out: string,
  options: FolderMergeOptions = {},
): Promise<Result<MergePlan>> =>
  leavesOf(adapter).some((leaf) => leaf.change !== undefined)
    ? fail(
        'adapter',
        'an adapter that keeps the module tree',
        'one that changes it (replicated layers or a tie that is cut)',
        'Give the base model with --base.',
      )
    : mergeFolder(merged.model, merged.folder, inverse(adapter), out, options);

/**
 * Running a merge plan: tensors stream from the base checkpoint into a writer, a tile at a time.
 */
import { E } from '../../fp.js';
import { rowMergers } from '../../ops/kernels/merge.js';
import type { Adapter, Mergeable } from '../../adapters/adapter.js';
import type { Result } from '../../problem.js';
import type { Checkpoint } from '../checkpoint.js';
import type { Writer } from '../file-system.js';
import { fusedKernel } from './fused.js';
import { isInFiles, runInLanes } from './in-lanes.js';
import type { FilePlan, MergePlan } from './plan.js';
import { copyTensor, mergeTensor, withUpdate, type Run } from './tensor.js';
import type { TileKernel } from './tile.js';
import type { Lanes } from './unit.js';

/** How far a merge is. */
export interface MergeProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly tensor: string;
}

/** Options of a merge. */
export interface MergeOptions {
  readonly onProgress?: (progress: MergeProgress) => void;
  /** The fused kernel of low-rank updates unless told. */
  readonly kernel?: TileKernel;
  /** Fused multiply-adds in that kernel: faster, and the last bits depend on the machine. Not used unless told; lanes have their own setting. */
  readonly fma?: boolean;
  /** Storage bytes of a tile; 1 MiB unless told, half of it in lanes. */
  readonly tileBytes?: number;
  /** Copies a whole file of the base, where the writer's file system can do better than read and write. */
  readonly copyFile?: (name: string) => Promise<Result<void>>;
  /** Threads to merge in, where the checkpoint and the writer are files; without them a merge runs in this thread. */
  readonly lanes?: Lanes;
}

const MIB = 1 << 20;

const bytesOf = (file: FilePlan): number => file.tensors.reduce((n, t) => n + t.stored.byteLength, 0);

const writeFile = async (run: Run, plan: FilePlan, writer: Writer): Promise<Result<void>> => {
  const file = await writer.create(plan.name);
  if (E.isLeft(file)) return file;
  const head = await file.right.write(plan.head);
  if (E.isLeft(head)) return head;
  for (const tensor of plan.tensors) {
    const copied = () => copyTensor(run, tensor, file.right);
    const done =
      tensor.key === undefined
        ? await copied()
        : await withUpdate(run, tensor, (update) =>
            update === undefined ? copied() : mergeTensor(run, tensor, update, file.right),
          );
    if (E.isLeft(done)) return done;
  }
  const closed = await file.right.close();
  return E.map(() => undefined)(closed);
};

/**
 * Writes the merged checkpoint's safetensors files.
 *
 * Holds one tile, the adapter and I/O buffers; an update that needs its whole tensor holds that one. The bytes do not
 * depend on the tile's size for plain updates up to float32 rounding inside the matrix product.
 *
 * @returns the first problem, or nothing; what was written before a problem is the writer's to discard
 */
export const runMerge = async (
  plan: MergePlan,
  checkpoint: Checkpoint,
  adapter: Adapter<Mergeable>,
  writer: Writer,
  options: MergeOptions = {},
): Promise<Result<void>> => {
  const mergers = await rowMergers(options.fma ?? false);
  if (E.isLeft(mergers)) return mergers;
  const progress = { done: 0 };
  const { lanes } = options;
  const place = lanes !== undefined && isInFiles(checkpoint) ? writer.place : undefined;
  const run: Run = {
    checkpoint,
    adapter,
    kernel: options.kernel ?? fusedKernel(mergers.right),
    // a lane's tile before and after and the factors stay in the cache
    tileBytes: options.tileBytes ?? (place === undefined ? MIB : MIB / 2),
    advance: (bytes, tensor) => {
      progress.done += bytes;
      options.onProgress?.({ doneBytes: progress.done, totalBytes: plan.totalBytes, tensor });
    },
  };
  const whole = async (file: FilePlan): Promise<Result<void>> => {
    const done = await (options.copyFile === undefined ? writeFile(run, file, writer) : options.copyFile(file.name));
    if (E.isRight(done) && options.copyFile !== undefined) run.advance(bytesOf(file), file.name);
    return done;
  };
  if (lanes !== undefined && place !== undefined) return runInLanes({ plan, run, lanes, place, copyFile: whole });
  for (const file of plan.files) {
    const done = await (file.same ? whole(file) : writeFile(run, file, writer));
    if (E.isLeft(done)) return done;
  }
  return E.right(undefined);
};

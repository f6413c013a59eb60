/**
 * Running a merge plan: tensors stream from the base checkpoint into a writer, a tile at a time.
 */
import { E } from '../../fp.js';
import { leavesOf, type Adapter, type Mergeable } from '../../adapters/adapter.js';
import { updateAt } from '../../adapters/compile.js';
import { tensorsOf } from '../../adapters/updates/tensors.js';
import { dispose, scope, tensorOf } from '../../ops/backend.js';
import { decodeFloats } from '../../ops/dtype.js';
import { lookup, recordOf, type Tensor, type Weights } from '../../ops/tensor.js';
import { fail, type Result } from '../../problem.js';
import type { Checkpoint, StoredTensor } from '../checkpoint.js';
import type { FileWriter, Writer } from '../file-system.js';
import { fusedKernel } from './fused.js';
import type { FilePlan, MergePlan, TensorPlan } from './plan.js';
import { blocksOf, type TileKernel } from './tile.js';

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
  /** Storage bytes of a tile; 1 MiB unless told. */
  readonly tileBytes?: number;
  /** Copies a whole file of the base, where the writer's file system can do better than read and write. */
  readonly copyFile?: (name: string) => Promise<Result<void>>;
}

interface Run {
  readonly checkpoint: Checkpoint;
  readonly adapter: Adapter<Mergeable>;
  readonly kernel: TileKernel;
  readonly tileBytes: number;
  readonly advance: (bytes: number, tensor: string) => void;
}

const MIB = 1 << 20;

const copyTensor = async (run: Run, plan: TensorPlan, file: FileWriter): Promise<Result<void>> => {
  const { byteLength } = plan.stored;
  for (let offset = 0; offset < byteLength; offset += MIB) {
    const bytes = await run.checkpoint.readRange(plan.source, offset, Math.min(MIB, byteLength - offset));
    if (E.isLeft(bytes)) return bytes;
    const written = await file.write(bytes.right);
    if (E.isLeft(written)) return written;
    run.advance(bytes.right.length, plan.name);
  }
  return E.right(undefined);
};

/** Frees what compiling an update made, but not the adapter's own parameters. */
const release = (adapter: Adapter, update: Parameters<typeof tensorsOf>[0]): void => {
  const own = new Set(leavesOf(adapter).flatMap((leaf) => Object.values(leaf.params).map((t) => t.id)));
  for (const t of tensorsOf(update)) if (!own.has(t.id) && !t.isDisposed) t.dispose();
};

const overflowed = (plan: TensorPlan, element: number): Result<never> =>
  fail(
    `${plan.name}, element ${element}`,
    `finite merged values in ${plan.stored.dtype}`,
    'a value that this type cannot hold',
    'The adapter is broken or far too strong for this storage type.',
  );

/** The other tensors of the base that a change reads, by parameter key. */
const readTensors = async ({ checkpoint }: Run, { reads }: TensorPlan): Promise<Result<Weights>> => {
  const found: (readonly [string, Tensor])[] = [];
  for (const [key, source] of reads) {
    const { dtype, shape, byteLength } = checkpoint.tensors.get(source) as StoredTensor;
    const bytes = await checkpoint.readRange(source, 0, byteLength);
    if (E.isLeft(bytes)) {
      dispose(recordOf(found));
      return bytes;
    }
    found.push([key, tensorOf(decodeFloats(dtype, bytes.right), shape)]);
  }
  return E.right(recordOf(found));
};

const mergeTensor = async (run: Run, plan: TensorPlan, file: FileWriter): Promise<Result<void>> => {
  const { dtype, shape, byteLength } = plan.stored;
  const read = await readTensors(run, plan);
  if (E.isLeft(read)) return read;
  const update = scope(() =>
    updateAt(run.adapter, plan.key as string, 'stored', undefined, (key) => lookup(read.right, key)),
  );
  if (update === undefined) return copyTensor(run, plan, file);
  try {
    const { grid, blocks } = blocksOf(update, shape, byteLength, run.tileBytes);
    const rowBytes = byteLength / Math.max(1, grid.rows);
    const largest = Math.max(0, ...blocks.map((b) => b.count)) * rowBytes;
    // two buffers in turn: the next block is read while this one is merged and written
    const { buffers, merge } = await run.kernel(update, { dtype, shape, grid, tileBytes: largest });
    const readBlock = (i: number): Promise<Result<Uint8Array>> | undefined => {
      const block = blocks[i];
      if (block === undefined) return undefined;
      const into = (i % 2 === 0 ? buffers[0] : buffers[1]).subarray(0, block.count * rowBytes);
      return run.checkpoint.readRange(plan.source, block.start * rowBytes, into.length, into);
    };
    let coming = readBlock(0);
    let writing: Promise<Result<void>> = Promise.resolve(E.right(undefined));
    // nothing may be under way when the files are closed
    const settled = async (failed: Result<never>): Promise<Result<never>> => {
      await Promise.all([coming, writing]);
      return failed;
    };
    for (const [i, block] of blocks.entries()) {
      const bytes = (await coming) as Result<Uint8Array>;
      if (E.isLeft(bytes)) return settled(bytes);
      coming = readBlock(i + 1);
      const merged = await merge(block, bytes.right);
      if (merged.overflow >= 0) return settled(overflowed(plan, block.start * grid.columns + merged.overflow));
      // the block before is written while this one is merged
      const written = await writing;
      if (E.isLeft(written)) return settled(written);
      writing = file.write(merged.bytes);
      run.advance(bytes.right.length, plan.name);
    }
    const written = await writing;
    if (E.isLeft(written)) return written;
    return E.right(undefined);
  } finally {
    release(run.adapter, update);
    dispose(read.right);
  }
};

const writeFile = async (run: Run, plan: FilePlan, writer: Writer): Promise<Result<void>> => {
  const file = await writer.create(plan.name);
  if (E.isLeft(file)) return file;
  const head = await file.right.write(plan.head);
  if (E.isLeft(head)) return head;
  for (const tensor of plan.tensors) {
    const done = await (tensor.key === undefined ? copyTensor : mergeTensor)(run, tensor, file.right);
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
  const progress = { done: 0 };
  const run: Run = {
    checkpoint,
    adapter,
    kernel: options.kernel ?? fusedKernel(),
    tileBytes: options.tileBytes ?? MIB,
    advance: (bytes, tensor) => {
      progress.done += bytes;
      options.onProgress?.({ doneBytes: progress.done, totalBytes: plan.totalBytes, tensor });
    },
  };
  for (const file of plan.files) {
    const whole = file.same ? options.copyFile : undefined;
    const done = whole === undefined ? await writeFile(run, file, writer) : await whole(file.name);
    if (E.isLeft(done)) return done;
    if (whole !== undefined)
      run.advance(
        file.tensors.reduce((n, t) => n + t.stored.byteLength, 0),
        file.name,
      );
  }
  return E.right(undefined);
};

/**
 * Merging or copying one tensor in this thread, a tile at a time.
 */
import { E } from '../../fp.js';
import { leavesOf, type Adapter, type Mergeable } from '../../adapters/adapter.js';
import { updateAt } from '../../adapters/compile.js';
import type { WeightUpdate } from '../../adapters/update.js';
import { tensorsOf } from '../../adapters/updates/tensors.js';
import { dispose, scope, tensorOf } from '../../ops/backend.js';
import { decodeFloats } from '../../ops/dtype.js';
import { lookup, recordOf, type Tensor, type Weights } from '../../ops/tensor.js';
import { fail, type Result } from '../../problem.js';
import type { Checkpoint, StoredTensor } from '../checkpoint.js';
import type { FileWriter } from '../file-system.js';
import type { TensorPlan } from './plan.js';
import { blocksOf, type TileKernel } from './tile.js';

/** What a merge works with. */
export interface Run {
  readonly checkpoint: Checkpoint;
  readonly adapter: Adapter<Mergeable>;
  readonly kernel: TileKernel;
  readonly tileBytes: number;
  readonly advance: (bytes: number, tensor: string) => void;
}

/** Where a tensor's bytes go, one after the other. */
export type Sink = Pick<FileWriter, 'write'>;

const MIB = 1 << 20;

/** Copies a tensor's bytes. */
export const copyTensor = async (run: Run, plan: TensorPlan, sink: Sink): Promise<Result<void>> => {
  const { byteLength } = plan.stored;
  for (let offset = 0; offset < byteLength; offset += MIB) {
    const bytes = await run.checkpoint.readRange(plan.source, offset, Math.min(MIB, byteLength - offset));
    if (E.isLeft(bytes)) return bytes;
    const written = await sink.write(bytes.right);
    if (E.isLeft(written)) return written;
    run.advance(bytes.right.length, plan.name);
  }
  return E.right(undefined);
};

/** Frees what compiling an update made, but not the adapter's own parameters. */
const release = (adapter: Adapter, update: WeightUpdate): void => {
  const own = new Set(leavesOf(adapter).flatMap((leaf) => Object.values(leaf.params).map((t) => t.id)));
  for (const t of tensorsOf(update)) if (!own.has(t.id) && !t.isDisposed) t.dispose();
};

/** The problem that a merged value is too large for its type. */
export const overflowed = (plan: TensorPlan, element: number): Result<never> =>
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

/** Runs `f` on the update of a tensor, nothing where the adapter leaves it alone; frees afterwards what compiling it made. */
export const withUpdate = async <A>(
  run: Run,
  plan: TensorPlan,
  f: (update: WeightUpdate | undefined) => Promise<Result<A>>,
): Promise<Result<A>> => {
  const read = await readTensors(run, plan);
  if (E.isLeft(read)) return read;
  const update = scope(() =>
    updateAt(run.adapter, plan.key as string, 'stored', undefined, (key) => lookup(read.right, key)),
  );
  try {
    return await f(update);
  } finally {
    if (update !== undefined) release(run.adapter, update);
    dispose(read.right);
  }
};

/** Merges a tensor whose update is compiled. */
export const mergeTensor = async (
  run: Run,
  plan: TensorPlan,
  update: WeightUpdate,
  sink: Sink,
): Promise<Result<void>> => {
  const { dtype, shape, byteLength } = plan.stored;
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
    writing = sink.write(merged.bytes);
    run.advance(bytes.right.length, plan.name);
  }
  return writing;
};

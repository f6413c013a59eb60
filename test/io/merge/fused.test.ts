/** Which updates the fused kernel takes, and that it does with them what tfjs does. */
import { afterEach, describe, expect, it } from 'vitest';
import { dense, lowRank, sequence, type LowRank, type WeightUpdate } from '../../../src/adapters/update.js';
import { rowGrid } from '../../../src/adapters/updates/rows.js';
import { tensorsOf } from '../../../src/adapters/updates/tensors.js';
import { fusedKernel } from '../../../src/io/merge/fused.js';
import { tfjsKernel, type TileKernel } from '../../../src/io/merge/tile.js';
import { tensorOf } from '../../../src/ops/backend.js';
import { decodeFloats, encodeFloats, type DType } from '../../../src/ops/dtype.js';
import { sizeOf, type Shape, type Tensor } from '../../../src/ops/tensor.js';
import { numbers } from '../../ops/arbitrary.js';

const made: Tensor[] = [];
afterEach(() => made.splice(0).forEach((t) => t.dispose()));

const tensor = (seed: number, shape: Shape): Tensor => {
  const t = tensorOf(numbers(seed, sizeOf(shape)), shape);
  made.push(t);
  return t;
};

const term = (seed: number, rows: number, columns: number, rank: number, s: number): LowRank =>
  lowRank(tensor(seed, [rows, rank]), tensor(seed + 1, [rank, columns]), s);

/** A tensor merged at once, and whether that was done inside of WebAssembly's memory, as only the fused kernel does. */
const merged = async (kernel: TileKernel, update: WeightUpdate, dtype: DType, shape: Shape) => {
  const bytes = encodeFloats(dtype, numbers(9, sizeOf(shape)));
  const grid = rowGrid(update, shape);
  const { buffers, merge } = await kernel(update, { dtype, shape, grid, tileBytes: bytes.length });
  const result = await merge({ start: 0, count: grid.rows }, bytes);
  return { values: decodeFloats(dtype, result.bytes), fused: result.bytes.buffer === buffers[0].buffer };
};

/** The two kernels' results, and whether the first came from the fused one. */
const both = async (update: WeightUpdate, dtype: DType, shape: Shape) => {
  const ours = await merged(fusedKernel(), update, dtype, shape);
  const theirs = await merged(tfjsKernel(), update, dtype, shape);
  return { fused: ours.fused, ours: ours.values, theirs: theirs.values };
};

describe('the fused kernel', () => {
  const [m, n] = [37, 21];
  const steps = { BF16: 2 ** -7, F16: 2 ** -10, F32: 1e-5 } as const;

  it.each([
    ['one update', () => term(1, m, n, 16, 0.5)],
    [
      'several one after the other',
      () => sequence([term(1, m, n, 3, 2), term(3, m, n, 40, -0.1), term(5, m, n, 1, 1)]),
    ],
    [
      'a sum inside of a sequence',
      () => sequence([{ _tag: 'Sum', updates: [term(1, m, n, 3, 2), term(3, m, n, 4, 1)] }, term(5, m, n, 2, 1)]),
    ],
  ] as const)('takes low-rank updates of matrices: %s', async (_, update) => {
    for (const dtype of ['BF16', 'F16', 'F32'] as const) {
      const { fused, ours, theirs } = await both(update(), dtype, [m, n]);
      expect(fused).toBe(true);
      ours.forEach((x, i) =>
        expect(Math.abs(x - theirs[i]!)).toBeLessThanOrEqual(steps[dtype] * (1e-1 + Math.abs(theirs[i]!))),
      );
    }
  });

  it('takes the matrix view of a convolution', async () => {
    const { fused, ours, theirs } = await both(term(1, 6, 4 * 9, 2, 1), 'F32', [6, 4, 3, 3]);
    expect(fused).toBe(true);
    ours.forEach((x, i) => expect(x).toBeCloseTo(theirs[i]!, 5));
  });

  it.each([
    [
      'a change of another form beside them',
      'F32',
      () => sequence([term(1, 4, 6, 2, 1), dense(tensor(3, [4, 6]))]),
      [4, 6],
    ],
    ['factors with an expert axis', 'F32', () => lowRank(tensor(1, [2, 4, 3]), tensor(2, [2, 3, 6]), 1), [2, 4, 6]],
    ['another storage type', 'F64', () => term(1, 4, 6, 2, 1), [4, 6]],
  ] as const)('leaves the rest to tfjs: %s', async (_, dtype, update, shape) => {
    const { fused, ours, theirs } = await both(update(), dtype, shape);
    expect(fused).toBe(false);
    expect(ours).toEqual(theirs);
  });

  it('leaves the factors as they are', async () => {
    const update = term(1, m, n, 4, 1);
    const before = tensorsOf(update).map((t) => t.dataSync().slice());
    await merged(fusedKernel(), update, 'F32', [m, n]);
    expect(tensorsOf(update).map((t) => t.dataSync())).toEqual(before);
  });
});

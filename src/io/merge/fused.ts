/**
 * The merge kernel for low-rank updates, which are most of what is merged; any other update goes to tfjs.
 */
import type { LowRank, WeightUpdate } from '../../adapters/update.js';
import { readInto } from '../../ops/backend.js';
import { sizeOf, type Tensor } from '../../ops/tensor.js';
import { fitsKernel, openRowMerger, type OpenRowMerger, type RowMerger } from '../../ops/kernels/merge.js';
import type { LowRankMerge, LowRankTerm } from '../../ops/kernels/merge-reference.js';
import { newFactors, type Factors } from './factors.js';
import { tfjsKernel, type TiledTensor, type TileKernel } from './tile.js';

/** The low-rank changes that an update is a sum of, in their order; undefined when there is anything else in it. */
const lowRanksOf = (update: WeightUpdate): ReadonlyArray<LowRank> | undefined => {
  if (update._tag === 'LowRank') return [update];
  if (update._tag !== 'Sum' && update._tag !== 'Sequence') return undefined;
  const parts = update.updates.map(lowRanksOf);
  return parts.every((p) => p !== undefined) ? parts.flat() : undefined;
};

const fits = ({ B, A }: LowRank, { grid }: TiledTensor): boolean =>
  B.rank === 2 && A.rank === 2 && B.shape[0] === grid.rows && A.shape[1] === grid.columns && B.shape[1] === A.shape[0];

const valuesOf = async (t: Tensor, { take }: Factors): Promise<Float32Array> => {
  const place = take(sizeOf(t.shape));
  await readInto(t, place);
  return place;
};

const none = new Float32Array();

/** The matrix and its terms as arrays taken from `factors`, where the fused kernel knows them and has room for them. */
export const lowRankMerge = async (
  update: WeightUpdate,
  tensor: TiledTensor,
  factors: Factors,
): Promise<LowRankMerge | undefined> => {
  const { dtype, grid } = tensor;
  if (dtype !== 'BF16' && dtype !== 'F16' && dtype !== 'F32') return undefined;
  const parts = lowRanksOf(update);
  if (parts === undefined || !parts.every((p) => fits(p, tensor))) return undefined;
  const ranks = parts.map(({ A, s }): LowRankTerm => ({ B: none, A: none, rank: A.shape[0] as number, s }));
  const matrix: LowRankMerge = { dtype, rows: grid.rows, columns: grid.columns, terms: ranks };
  if (!fitsKernel(matrix, tensor.tileBytes)) return undefined;
  const terms: LowRankTerm[] = [];
  for (const [i, { B, A }] of parts.entries())
    terms.push({ ...(ranks[i] as LowRankTerm), B: await valuesOf(B, factors), A: await valuesOf(A, factors) });
  return { ...matrix, terms };
};

/** Gives the arrays of a matrix back. */
export const giveBack = ({ terms }: LowRankMerge, { give }: Factors): void =>
  terms.forEach(({ B, A }) => {
    give(B);
    give(A);
  });

/**
 * W + s B A in one pass over the bytes, for matrices in BF16, F16 and F32 and any number of low-rank updates one after the
 * other; the factors are read and packed once a tensor. Other updates and types are left to `tfjsKernel`.
 *
 * Sums over the rank are taken in order in float32 without fused multiply-add: the bytes depend neither on the backend, nor on
 * the machine, nor on the tiles. Each call makes a kernel with a memory of its own.
 *
 * @param open another build of the kernel; the plain one unless told
 */
export const fusedKernel = (open: OpenRowMerger = openRowMerger): TileKernel => {
  const others = tfjsKernel();
  const factors = newFactors();
  let opened: Promise<RowMerger> | undefined;
  let before: LowRankMerge | undefined;
  return async (update, tensor) => {
    if (before !== undefined) giveBack(before, factors);
    const matrix = await lowRankMerge(update, tensor, factors);
    before = matrix;
    if (matrix === undefined) return others(update, tensor);
    const merger = await (opened ??= open());
    const rows = merger(matrix, tensor.tileBytes);
    let place: 0 | 1 = 0;
    return {
      buffers: rows.buffers,
      merge: async ({ start }, bytes) => {
        place = place === 0 ? 1 : 0;
        return rows.merge(start, bytes, place);
      },
    };
  };
};

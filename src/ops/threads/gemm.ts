/**
 * Products in parts of their rows or columns, by a team.
 */
import type { Factor, Gemm } from '../kernels/gemm-reference.js';
import type { Cut } from './cut.js';
import type { Team } from './team.js';

/** Units of a part are those of the kernel's tiles, so that all but the last are whole. */
const ROWS = 12;
const COLUMNS = 16;

/** Where the numbers lie that a cut moves or counts, see `Product`. */
const [M, N, A, B, C, W, F] = [2, 3, 5, 7, 9, 12, 13] as const;

/** Bytes from one row, or one column, of op(X) to the next. */
const rowStep = (x: Factor): number => 4 * (x.transposed ? 1 : x.stride);
const columnStep = (x: Factor): number => 4 * (x.transposed ? x.stride : 1);

/** How far the arguments of a product move, by `Product`. */
const stepsOf = (of: Readonly<Record<number, number>>): ReadonlyArray<number> =>
  Array.from({ length: F + 1 }, (_, i) => of[i] ?? 0);

/**
 * Products by a team. The factor that is not cut is packed for each part, so the longer side of the result is.
 *
 * @param gemm makes those that are not worth sharing
 */
export const teamGemm =
  ({ share, worth }: Team, gemm: Gemm): Gemm =>
  (sizes, a, b, c, adds, change) => {
    const { m, n, k } = sizes;
    if (2 * m * n * k < 2 * worth) return gemm(sizes, a, b, c, adds, change);
    const [onto, factor] = [change?.W ?? 0, change?.F ?? 0];
    const byRows = m >= n;
    const step = byRows ? 4 * c.stride : 4;
    const moves = { [C]: step, [W]: onto && step, [F]: factor && step };
    const cut: Cut = byRows
      ? { counted: M, steps: stepsOf({ ...moves, [A]: rowStep(a) }), work: 2 * n * k, grain: ROWS }
      : { counted: N, steps: stepsOf({ ...moves, [B]: columnStep(b) }), work: 2 * m * k, grain: COLUMNS };
    const factors = [a.at, a.stride, b.at, b.stride, c.at, c.stride];
    const flags = [Number(a.transposed), Number(b.transposed)];
    share('gemm', [...flags, m, n, k, ...factors, Number(adds), onto, factor, change?.s ?? 1], cut);
  };

/**
 * Transposes of row-major arrays.
 */

/** Rows and columns of a tile that is transposed at a time, so that both stay in the cache. */
const TILE = 32;

/** Entries (i, j) of `values`, [rows, cols], put at (j, i) of `out`, which is returned. */
export const transposeInto = <A extends Float64Array>(
  out: A,
  values: ArrayLike<number>,
  rows: number,
  cols: number,
): A => {
  for (let top = 0; top < rows; top += TILE) {
    for (let left = 0; left < cols; left += TILE) {
      const [bottom, right] = [Math.min(rows, top + TILE), Math.min(cols, left + TILE)];
      for (let i = top; i < bottom; i++) {
        for (let j = left; j < right; j++) out[j * rows + i] = values[i * cols + j] as number;
      }
    }
  }
  return out;
};

/** Entries (i, j) of `values`, [rows, cols], put at (j, i), in float64. */
export const transposeValues = (values: ArrayLike<number>, rows: number, cols: number): Float64Array<ArrayBuffer> =>
  transposeInto(new Float64Array(rows * cols), values, rows, cols);

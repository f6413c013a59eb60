/**
 * One-sided Jacobi rotations; see src/ops/linalg/jacobi.ts.
 */
import { dot, rotate } from './vectors';

/** Rows that stay in the cache while the others pass by. */
const TOGETHER: i32 = 16;

/** Makes one pair of rows orthogonal and turns `J` along, unless they are so up to `tolerance`. */
function rotatePair(rows: usize, J: usize, squares: usize, n: i32, tolerance: f64, i: i32, j: i32): bool {
  const step = (n as usize) << 3;
  const x = rows + (i as usize) * step;
  const y = rows + (j as usize) * step;
  const squareX = squares + ((i as usize) << 3);
  const squareY = squares + ((j as usize) << 3);
  const product = dot(x, y, n);
  const a = load<f64>(squareX);
  const b = load<f64>(squareY);
  if (!(Math.abs(product) > tolerance * Math.sqrt(a * b))) return false;
  const cot = (b - a) / (2 * product);
  const tan = (cot < 0 ? -1.0 : 1.0) / (Math.abs(cot) + Math.sqrt(1 + cot * cot));
  const cos = 1 / Math.sqrt(1 + tan * tan);
  const sin = cos * tan;
  rotate(x, y, cos, sin, n);
  rotate(J + (i as usize) * step, J + (j as usize) * step, cos, sin, n);
  const nextX = a - tan * product;
  const nextY = b + tan * product;
  store<f64>(squareX, nextX > 0.1 * a ? nextX : dot(x, x, n));
  store<f64>(squareY, nextY > 0.1 * b ? nextY : dot(y, y, n));
  return true;
}

/**
 * One sweep over the pairs of n rows of length n of which one is `active`, which turns `J` along with `rows`.
 *
 * @param active, turned n numbers each, not 0 for rows that count; those that are rotated become 1 in `turned`
 * @param squares room for n numbers
 * @returns how many pairs were rotated
 */
export function sweep(
  rows: usize,
  J: usize,
  active: usize,
  turned: usize,
  squares: usize,
  n: i32,
  tolerance: f64,
): i32 {
  const step = (n as usize) << 3;
  let rotated: i32 = 0;
  for (let i = 0; i < n; i++) {
    const x = rows + (i as usize) * step;
    store<f64>(squares + ((i as usize) << 3), dot(x, x, n));
  }
  for (let first = 0; first < n; first += TOGETHER) {
    for (let j = first + 1; j < n; j++) {
      const always = load<f64>(active + ((j as usize) << 3)) !== 0;
      const end = min(first + TOGETHER, j);
      for (let i = first; i < end; i++) {
        if (!always && load<f64>(active + ((i as usize) << 3)) === 0) continue;
        if (!rotatePair(rows, J, squares, n, tolerance, i, j)) continue;
        rotated++;
        store<f64>(turned + ((i as usize) << 3), 1);
        store<f64>(turned + ((j as usize) << 3), 1);
      }
    }
  }
  return rotated;
}

/**
 * One-sided Jacobi rotations; see src/ops/linalg/jacobi.ts.
 */
import { dot, rotate } from './vectors';

/** Rows that stay in the cache while the others pass by. */
const TOGETHER: i32 = 16;

/** Room for the cosine of a rotation. */
const COSINE: usize = memory.data(8, 16);

/**
 * Makes one pair of rows orthogonal, unless it is so up to `tolerance`; the squares of their lengths follow.
 *
 * @returns the sine of the angle that they were turned by, 0 for none, and its cosine in `cosine`
 */
function rotatePair(x: usize, y: usize, length: i32, squareX: usize, squareY: usize, tolerance: f64): f64 {
  const product = dot(x, y, length);
  const a = load<f64>(squareX);
  const b = load<f64>(squareY);
  if (!(Math.abs(product) > tolerance * Math.sqrt(a * b))) return 0;
  const cot = (b - a) / (2 * product);
  const tan = (cot < 0 ? -1.0 : 1.0) / (Math.abs(cot) + Math.sqrt(1 + cot * cot));
  const cos = 1 / Math.sqrt(1 + tan * tan);
  rotate(x, y, cos, cos * tan, length);
  const nextX = a - tan * product;
  const nextY = b + tan * product;
  store<f64>(squareX, nextX > 0.1 * a ? nextX : dot(x, x, length));
  store<f64>(squareY, nextY > 0.1 * b ? nextY : dot(y, y, length));
  store<f64>(COSINE, cos);
  return cos * tan;
}

/**
 * One sweep over the pairs of n rows whose products are not small, which turns the rows of `J` [n, n] along.
 *
 * @param products the rows' products with each other, of which the lower triangle is read; its diagonal follows the rotations
 * @param rotated n numbers, 1 for each row that is rotated
 */
export function sweep(
  rows: usize,
  length: i32,
  J: usize,
  n: i32,
  products: usize,
  rotated: usize,
  tolerance: f64,
): void {
  const step = (n as usize) << 3;
  const rowStep = (length as usize) << 3;
  for (let first = 0; first < n; first += TOGETHER) {
    for (let j = first + 1; j < n; j++) {
      const line = products + (j as usize) * step;
      const squareY = line + ((j as usize) << 3);
      const end = min(first + TOGETHER, j);
      for (let i = first; i < end; i++) {
        const place = (i as usize) << 3;
        const squareX = products + (i as usize) * step + place;
        const size = Math.sqrt(load<f64>(squareX) * load<f64>(squareY));
        if (!(Math.abs(load<f64>(line + place)) > tolerance * size)) continue;
        const x = rows + (i as usize) * rowStep;
        const y = rows + (j as usize) * rowStep;
        const sin = rotatePair(x, y, length, squareX, squareY, tolerance);
        if (sin === 0) continue;
        rotate(J + (i as usize) * step, J + (j as usize) * step, load<f64>(COSINE), sin, n);
        store<f64>(rotated + place, 1);
        store<f64>(rotated + ((j as usize) << 3), 1);
      }
    }
  }
}

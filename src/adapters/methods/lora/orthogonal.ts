/**
 * Small orthogonal matrices.
 */

/**
 * The orthogonal factor of a square matrix: Gram and Schmidt twice over its columns, in float64.
 *
 * @param values row-major [n, n], of full rank
 * @returns row-major Q [n, n] with Q^T Q = I up to rounding
 */
export const orthogonalMatrix = (values: Float32Array, n: number): Float64Array => {
  const Q = Float64Array.from(values);
  const dot = (i: number, j: number): number => {
    let sum = 0;
    for (let k = 0; k < n; k++) sum += (Q[k * n + i] as number) * (Q[k * n + j] as number);
    return sum;
  };
  for (let j = 0; j < n; j++) {
    // the second pass removes what rounding left of the first
    for (let pass = 0; pass < 2; pass++) {
      for (let i = 0; i < j; i++) {
        const c = dot(i, j);
        for (let k = 0; k < n; k++) Q[k * n + j] = (Q[k * n + j] as number) - c * (Q[k * n + i] as number);
      }
    }
    const norm = Math.sqrt(dot(j, j));
    for (let k = 0; k < n; k++) Q[k * n + j] = (Q[k * n + j] as number) / norm;
  }
  return Q;
};

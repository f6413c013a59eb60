/**
 * Loops over vectors that lie one after another in a float64 array: vector j of length n is `x[j n], ..., x[j n + n - 1]`.
 * Arguments `at` are positions of first entries.
 */

/** `sum_k x[a + k] y[b + k]` over n entries. */
export const dot = (x: Float64Array, a: number, y: Float64Array, b: number, n: number): number => {
  let [s, t] = [0, 0];
  const even = n - (n % 2);
  // Two sums run side by side in the processor.
  for (let k = 0; k < even; k += 2) {
    s += (x[a + k] as number) * (y[b + k] as number);
    t += (x[a + k + 1] as number) * (y[b + k + 1] as number);
  }
  return n === even ? s + t : s + t + (x[a + even] as number) * (y[b + even] as number);
};

/** `y[b + k] += c x[a + k]` for n entries. */
export const addScaled = (y: Float64Array, b: number, c: number, x: Float64Array, a: number, n: number): void => {
  for (let k = 0; k < n; k++) y[b + k] = (y[b + k] as number) + c * (x[a + k] as number);
};

/** `x[a + k] *= c` for n entries. */
export const scaleBy = (x: Float64Array, a: number, c: number, n: number): void => {
  for (let k = 0; k < n; k++) x[a + k] = (x[a + k] as number) * c;
};

/** The plane rotation `(x, y) <- (c x - s y, s x + c y)` of n entries at a and b. */
export const rotate = (x: Float64Array, a: number, b: number, c: number, s: number, n: number): void => {
  for (let k = 0; k < n; k++) {
    const p = x[a + k] as number;
    const q = x[b + k] as number;
    x[a + k] = c * p - s * q;
    x[b + k] = s * p + c * q;
  }
};

/** Exchanges n entries at a with those at b. */
export const swap = (x: Float64Array, a: number, b: number, n: number): void => {
  for (let k = 0; k < n; k++) {
    const p = x[a + k] as number;
    x[a + k] = x[b + k] as number;
    x[b + k] = p;
  }
};

/** The largest magnitude of n entries, NaN if any entry is. */
export const largest = (x: ArrayLike<number>, a: number, n: number): number => {
  let max = 0;
  for (let k = 0; k < n; k++) max = Math.max(max, Math.abs(x[a + k] as number));
  return max;
};

/** The Euclidean norm of n entries, without overflow or underflow of their squares. */
export const norm = (x: Float64Array, a: number, n: number): number => {
  const square = dot(x, a, x, a, n);
  if (square > 1e-280 && square < 1e280) return Math.sqrt(square);
  const max = largest(x, a, n);
  if (max === 0 || !Number.isFinite(max)) return max;
  let sum = 0;
  for (let k = 0; k < n; k++) sum += ((x[a + k] as number) / max) ** 2;
  return max * Math.sqrt(sum);
};

/** A power of two near the largest entry, by which dividing is exact; 1 for zeros and what is not finite. */
export const binaryScale = (x: ArrayLike<number>): number => {
  const max = largest(x, 0, x.length);
  return max > 0 && Number.isFinite(max) ? 2 ** Math.floor(Math.log2(max)) : 1;
};

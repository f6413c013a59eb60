/**
 * Fused multiply-add in float32, as torch's compiled loops use it.
 */

/**
 * `a b + c` of float32 numbers, rounded to float32 once; for results in float32's normal range.
 *
 * The product is exact in float64, and the sum is rounded there first. The second rounding can only go wrong where the
 * float64 sum lies half-way between two float32 numbers; the error of the sum then says which of them is nearer.
 */
export const fma = (a: number, b: number, c: number): number => {
  const product = a * b;
  const sum = product + c;
  const rounded = Math.fround(sum);
  const other = sum + (sum - rounded);
  if (rounded === sum || Math.fround(other) !== other || !Number.isFinite(rounded)) return rounded;
  // Knuth's two-sum: sum + error = product + c exactly.
  const right = sum - product;
  const error = product - (sum - right) + (c - right);
  if (error === 0) return rounded;
  return error > 0 ? Math.max(rounded, other) : Math.min(rounded, other);
};

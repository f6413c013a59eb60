/**
 * Units in the last place of float32.
 */

const float = new Float32Array(1);
const integer = new Int32Array(float.buffer);

/** The position of a float32 on the line of all of them; both zeros are at 0. */
const ordinal = (x: number): number => {
  float[0] = x;
  const bits = integer[0] as number;
  return bits < 0 ? -(bits & 0x7fffffff) : bits;
};

/**
 * How many float32 numbers lie between two, counting one of them: 0 for equal numbers and for the two zeros, 1 for
 * neighbours, and so on across zero. NaN is at distance 0 from NaN and infinitely far from everything else.
 */
export const ulpDistance = (a: number, b: number): number => {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b) ? 0 : Infinity;
  return Math.abs(ordinal(a) - ordinal(b));
};

const smallest = 2 ** -149;

/** The distance from |x|, rounded to float32, to the next larger float32: one unit in the last place. */
export const ulpOf = (x: number): number => {
  const magnitude = Math.abs(Math.fround(x));
  if (!Number.isFinite(magnitude)) return Infinity;
  if (magnitude < 2 ** -126) return smallest;
  // the float32 exponent, exact also where log2 is not
  float[0] = magnitude;
  return 2 ** (((integer[0] as number) >>> 23) - 127 - 23);
};

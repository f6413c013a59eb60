/**
 * Medians of repeated measurements.
 */

/** Some measurements of one thing. */
export interface Sample {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly values: ReadonlyArray<number>;
}

/** The middle of sorted numbers; the mean of the two middle ones where their count is even. NaN for none. */
export const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const half = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(half)] ?? NaN) + (sorted[Math.ceil(half)] ?? NaN)) / 2;
};

/** Median and range of at least one measurement. */
export const sampleOf = (values: ReadonlyArray<number>): Sample => ({
  median: median(values),
  min: Math.min(...values),
  max: Math.max(...values),
  values,
});

/** Median of a_i / b_i over the runs i that both took part in: measurements of one run were made beside each other and share disturbances. */
export const medianRatio = (a: Sample, b: Sample): number =>
  median(a.values.slice(0, b.values.length).map((x, i) => x / (b.values[i] as number)));

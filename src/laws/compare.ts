/**
 * Comparing weights by value: bit for bit, or within units in the last place of a magnitude.
 */
import { read } from '../ops/backend.js';
import { recordOf, sameShape, showShape, type Shape, type Weights } from '../ops/tensor.js';
import { broken, fine, together, type Finding } from './verdict.js';
import { ulpOf } from './ulp.js';

/** The values of a tensor. */
export interface Values {
  readonly shape: Shape;
  readonly dtype: string;
  readonly values: Float32Array;
}

/** The values of weights. */
export type Snapshot = Readonly<Record<string, Values>>;

/** Reads every tensor of a record. */
export const snapshot = async (weights: Weights): Promise<Snapshot> => {
  const entries: (readonly [string, Values])[] = [];
  for (const [key, t] of Object.entries(weights))
    entries.push([key, { shape: t.shape, dtype: t.dtype, values: await read(t) }]);
  return recordOf(entries);
};

const sameKeys = (actual: Snapshot, expected: Snapshot): Finding => {
  const missing = Object.keys(expected).find((key) => !Object.hasOwn(actual, key));
  const extra = Object.keys(actual).find((key) => !Object.hasOwn(expected, key));
  if (missing !== undefined) return broken('expected a tensor under this key, found none', missing);
  return extra === undefined ? fine : broken('expected nothing under this key, found a tensor', extra);
};

const sameForm = (actual: Values, expected: Values, at: string): Finding =>
  sameShape(actual.shape, expected.shape) && actual.dtype === expected.dtype
    ? fine
    : broken(
        `expected ${expected.dtype} ${showShape(expected.shape)}, found ${actual.dtype} ${showShape(actual.shape)}`,
        at,
      );

const pairwise = (
  actual: Snapshot,
  expected: Snapshot,
  compare: (a: Values, e: Values, key: string) => Finding,
): Finding => {
  const keys = sameKeys(actual, expected);
  if (!keys.holds) return keys;
  return together(
    Object.keys(expected).map((key) => {
      const [a, e] = [actual[key] as Values, expected[key] as Values];
      const form = sameForm(a, e, key);
      return form.holds ? compare(a, e, key) : form;
    }),
  );
};

/** Equality bit for bit: the same keys, shapes, dtypes and elements; zeros differ by sign, NaN equals NaN. */
export const sameBits = (actual: Snapshot, expected: Snapshot): Finding =>
  pairwise(actual, expected, (a, e, key) => {
    const i = a.values.findIndex((v, j) => !Object.is(v, e.values[j]));
    return i < 0 ? { ...fine, ulps: 0 } : broken(`expected ${e.values[i]} at element ${i}, found ${a.values[i]}`, key);
  });

/** A bound in units in the last place of a magnitude for each element. */
export interface Bound {
  readonly ulps: number;
  /** Magnitude of element i of a key. */
  readonly of: (key: string, i: number) => number;
}

/** Below this magnitude products underflow, so smaller magnitudes count as this one. */
const underflow = 2 ** -100;

/** |actual - expected| in units in the last place of a magnitude; not finite numbers must be the same. */
const errorOf = (actual: number, expected: number, magnitude: number): number => {
  if (Object.is(actual, expected) || actual === expected) return 0;
  if (!Number.isFinite(magnitude)) return 0;
  const error = Math.abs(actual - expected) / ulpOf(Math.max(Math.abs(magnitude), underflow));
  return Number.isNaN(error) ? Infinity : error;
};

/** Equality up to a bound: the same keys, shapes and dtypes, and |actual - expected| <= ulps * ulp(magnitude). */
export const within = (actual: Snapshot, expected: Snapshot, bound: Bound): Finding =>
  pairwise(actual, expected, (a, e, key) => {
    let [worst, at] = [0, -1];
    for (let i = 0; i < a.values.length; i++) {
      const error = errorOf(a.values[i] as number, e.values[i] as number, bound.of(key, i));
      if (error > worst) [worst, at] = [error, i];
    }
    return worst <= bound.ulps
      ? { ...fine, at: key, ulps: worst }
      : {
          ...broken(
            `expected ${e.values[at]} at element ${at}, found ${a.values[at]}: ${worst.toPrecision(3)} ulps of ${bound.of(key, at).toPrecision(3)}, allowed ${bound.ulps}`,
            key,
          ),
          ulps: worst,
        };
  });

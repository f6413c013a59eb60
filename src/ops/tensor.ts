/**
 * Tensors and immutable records of them.
 */
import type * as tf from '@tensorflow/tfjs-core';

/** An immutable tensor on the current backend; Weft computes in float32. */
export type Tensor = tf.Tensor;

/** Row-major sizes of a tensor's axes. */
export type Shape = ReadonlyArray<number>;

/** Immutable weights keyed by Hugging Face state-dict names. Records from outside have no prototype, so any name is just a key. */
export type Weights = Readonly<Record<string, Tensor>>;

/** Number of elements of a shape. */
export const sizeOf = (shape: Shape): number => shape.reduce((n, d) => n * d, 1);

/** Equality of shapes. */
export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((d, i) => d === b[i]);

/** `[2, 3]` as people read it. */
export const showShape = (shape: Shape): string => `[${shape.join(', ')}]`;

/** A record without a prototype from entries; later entries win. */
export const recordOf = <A>(entries: Iterable<readonly [string, A]>): Readonly<Record<string, A>> => {
  const out: Record<string, A> = Object.create(null) as Record<string, A>;
  for (const [k, v] of entries) out[k] = v;
  return out;
};

/** Applies `f` to every value of a record; the result has no prototype. */
export const mapRecord = <A, B>(
  r: Readonly<Record<string, A>>,
  f: (a: A, key: string) => B,
): Readonly<Record<string, B>> => recordOf(Object.keys(r).map((k) => [k, f(r[k] as A, k)] as const));

/** Own value of a key, never an inherited one. */
export const lookup = <A>(r: Readonly<Record<string, A>>, key: string): A | undefined =>
  Object.hasOwn(r, key) ? r[key] : undefined;

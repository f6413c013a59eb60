/**
 * Tensors inside of plain data: records, arrays and maps, nested in any way. Everything else in it is left as it is.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from './tensor.js';

/** True for records of a literal or without a prototype, and not for the values of classes. */
const isRecord = (x: unknown): x is Readonly<Record<string, unknown>> => {
  if (typeof x !== 'object' || x === null) return false;
  const prototype: unknown = Object.getPrototypeOf(x);
  return prototype === null || prototype === Object.prototype;
};

const mapped = (x: unknown, f: (t: Tensor) => Tensor): unknown => {
  if (x instanceof tf.Tensor) return f(x);
  if (Array.isArray(x)) return x.map((item) => mapped(item, f));
  if (x instanceof Map) return new Map([...x].map(([key, value]) => [key, mapped(value, f)] as const));
  if (!isRecord(x)) return x;
  const copy = Object.create(Object.getPrototypeOf(x) as object | null) as Record<string, unknown>;
  for (const key of Object.keys(x)) copy[key] = mapped(x[key], f);
  return copy;
};

/** The same data with f of each tensor in its place. */
export const mapTensors = <A>(data: A, f: (t: Tensor) => Tensor): A => mapped(data, f) as A;

/** Every tensor in data in a fixed order; one that stands in several places is there several times. */
export const tensorsIn = (data: unknown): ReadonlyArray<Tensor> => {
  const found: Tensor[] = [];
  mapTensors(data, (t) => {
    found.push(t);
    return t;
  });
  return found;
};

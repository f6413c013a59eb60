/**
 * Exact decompositions of whole weights: how long they will take, told before they begin.
 */
import type { ModelSpec } from '../models/spec.js';
import { secondsOfSvd } from '../ops/linalg/index.js';
import { showShape, sizeOf, type Shape } from '../ops/tensor.js';
import { warned } from './module-layout.js';
import type { Layout, Site } from './site.js';

/** Seconds that nobody needs to be told of. */
const SHORT = 20;

/** Shapes of the weights of the modules that some sites act on. */
export const weightShapes = ({ modules }: ModelSpec, sites: ReadonlyArray<Site>): ReadonlyArray<Shape> => {
  const weights = new Map(modules.map((m) => [m.name, m.params['weight']] as const));
  return sites.flatMap(({ module }) => {
    const shape = weights.get(module);
    return shape === undefined ? [] : [shape];
  });
};

const duration = (seconds: number): string => {
  const minutes = Math.ceil(seconds / 60);
  return minutes === 1 ? `${Math.ceil(seconds)} s` : minutes < 100 ? `${minutes} min` : `${Math.ceil(minutes / 60)} h`;
};

/** Says how long it takes to decompose weights of these shapes, and what is faster, where it is more than 20 s on the kernels of our own. */
export const decompositionWarnings = (shapes: ReadonlyArray<Shape>): ReadonlyArray<string> => {
  const seconds = shapes.reduce((sum, [rows = 0, ...rest]) => sum + secondsOfSvd(rows, sizeOf(rest)), 0);
  if (seconds < SHORT) return [];
  const largest = shapes.reduce((a, b) => (sizeOf(b) > sizeOf(a) ? b : a));
  const what = shapes.length === 1 ? 'a matrix' : `${shapes.length} matrices up to`;
  return [
    `This adapter decomposes ${what} ${showShape(largest)} exactly, about ${duration(seconds)} on one core; ` +
      "useBackend('wasm', { gemm: 'native' }), with the package koffi and OpenBLAS, is many times faster",
  ];
};

/** A layout that says so of weights of these shapes. */
export const tellingTime = <D>(layout: Layout<D>, shapes: ReadonlyArray<Shape>): Layout<D> =>
  warned(layout, decompositionWarnings(shapes));

/**
 * Row-major order spelled out, for references.
 */
import type { Shape } from '../../../src/ops/tensor.js';

/** The coordinates of every element of a shape, in order. */
export const coordinatesOf = (shape: Shape): ReadonlyArray<ReadonlyArray<number>> =>
  shape.reduce<ReadonlyArray<ReadonlyArray<number>>>(
    (all, d) => all.flatMap((p) => Array.from({ length: d }, (_, i) => [...p, i])),
    [[]],
  );

/** The flat index of coordinates. */
export const flatOf = (at: ReadonlyArray<number>, shape: Shape): number =>
  at.reduce((f, c, i) => f * (shape[i] as number) + c, 0);

/**
 * Shape algebra of broadcasting (numpy's rules): pure, no tensors.
 */
import { showShape, sizeOf, type Shape } from './tensor.js';

/** Shape with ones put in front until it has `rank` axes. */
const aligned = (shape: Shape, rank: number): Shape => [...Array<number>(rank - shape.length).fill(1), ...shape];

/** The shape that `a` and `b` broadcast to. Throws where two sizes differ and neither is 1. */
export const broadcastShapes = (a: Shape, b: Shape): Shape => {
  const rank = Math.max(a.length, b.length);
  const [p, q] = [aligned(a, rank), aligned(b, rank)];
  return p.map((d, i) => {
    const e = q[i] as number;
    if (d !== e && d !== 1 && e !== 1) throw new RangeError(`${showShape(a)} and ${showShape(b)} do not broadcast`);
    return d === 1 ? e : d;
  });
};

/** Axes of `to` along which a tensor of shape `from` was repeated, those in front included. */
export const repeatedAxes = (from: Shape, to: Shape): ReadonlyArray<number> => {
  const p = aligned(from, to.length);
  return to.flatMap((d, i) => (i < to.length - from.length || (p[i] === 1 && d !== 1) ? [i] : []));
};

/** For each element of `to` in row-major order, the element of `from` that broadcasting puts there. */
export const broadcastIndex = (from: Shape, to: Shape): Int32Array => {
  const p = aligned(from, to.length);
  const out = new Int32Array(sizeOf(to));
  // Axes are taken from the last to the first; `block` elements are final after each.
  let block = 1;
  let stride = 1;
  for (let axis = to.length - 1; axis >= 0; axis--) {
    const [n, own] = [to[axis] as number, p[axis] as number];
    for (let i = 1; i < n; i++) {
      const shift = own === 1 ? 0 : i * stride;
      for (let j = 0; j < block; j++) out[i * block + j] = (out[j] as number) + shift;
    }
    block *= n;
    stride *= own;
  }
  return out;
};

/** True when row-major repetition of `from` gives `to`: `from`, without its leading ones, is a suffix of `to`. */
export const isSuffix = (from: Shape, to: Shape): boolean => {
  const start = from.findIndex((d) => d !== 1);
  const core = start < 0 ? [] : from.slice(start);
  return core.every((d, i) => d === to[to.length - core.length + i]);
};

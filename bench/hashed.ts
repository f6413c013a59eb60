/**
 * Numbers that every contender makes by itself, in any language: a hash of their place.
 */
import { sizeOf, type Shape } from '../src/ops/tensor.js';

/** float32 numbers between -scale and scale: murmur3's finaliser of seed 2^24 + i. `python/hashed.py` makes the same. */
export const hashed = (seed: number, shape: Shape, scale = 1): Float32Array => {
  const values = new Float32Array(sizeOf(shape));
  for (let i = 0; i < values.length; i++) {
    let h = ((seed << 24) + i) | 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    values[i] = scale * (((h ^ (h >>> 16)) >>> 0) / 2 ** 31 - 1);
  }
  return values;
};

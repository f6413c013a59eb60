/**
 * The sizes that a model's inputs and caches have to fit, from its configuration.
 */
import type { Geometry } from './model.js';

interface Sizes {
  readonly layers: number;
  readonly heads: number;
  /** Heads of keys and values, where queries share them. */
  readonly groups?: number;
  readonly headDim: number;
  /** Learned positions. */
  readonly positions?: number;
}

/** The geometry of a model whose layers are all alike. */
export const geometryOf = ({ layers, heads, groups = heads, headDim, positions }: Sizes): Geometry => ({
  layers,
  keyValueHeads: groups,
  headDim,
  positions,
});

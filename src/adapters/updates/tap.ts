/**
 * A layer that tells what it reads.
 */
import type { Tensor } from '../../ops/tensor.js';

/** y' = y; the layer's input x [n, in] is told while the layer computes. It stands first of the updates of its weight. */
export interface Tap {
  readonly kind: 'Tap';
  /** Copies what it keeps: the tensor is the layer's own. */
  readonly hear: (x: Tensor) => void;
}

/**
 * Image models.
 */
import type { ModelWeights } from '../adapters/attached.js';
import type { Tensor } from '../ops/tensor.js';

/** What an image model reads. */
export interface ImageInputs {
  /** Normalized images, float32 [B, channels, height, width]. */
  readonly pixelValues: Tensor;
}

/** An image model that is ready to run. */
export interface ImageModel {
  /** The one size of images that it takes. */
  readonly image: { readonly channels: number; readonly height: number; readonly width: number };
  /** What the class computes: hidden states [B, patches + 1, D] or logits [B, labels]; differentiable in weights and pixels. */
  readonly run: (weights: ModelWeights, inputs: ImageInputs) => Tensor;
}

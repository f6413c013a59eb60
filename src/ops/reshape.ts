/**
 * Tensors of another shape with the same values. A training step makes hundreds of them.
 */
import * as tf from '@tensorflow/tfjs-core';
import { share } from './share.js';
import { engineOf, isRecording } from './engine.js';
import { recordNode } from './tape.js';
import { showShape, sizeOf, type Shape, type Tensor } from './tensor.js';

/**
 * x with the same elements in another shape; it shares them, and is freed on its own.
 *
 * @throws RangeError where the shape has another number of elements
 */
export const reshape = (x: Tensor, shape: Shape): Tensor => {
  if (sizeOf(shape) !== x.size) throw new RangeError(`reshape of ${showShape(x.shape)} to ${showShape(shape)}`);
  if (x.dtype === 'complex64' || x.dtype === 'string') return tf.reshape(x, [...shape]);
  const y = share(x, shape);
  if (isRecording(engineOf()))
    recordNode({
      kernelName: 'Reshape',
      inputs: { x },
      outputs: [y],
      saved: [],
      gradient: ([dy]) => ({ x: () => reshape(dy as Tensor, x.shape) }),
    });
  return y;
};

/** x under a tensor of its own. */
export const alias = (x: Tensor): Tensor => reshape(x, x.shape);

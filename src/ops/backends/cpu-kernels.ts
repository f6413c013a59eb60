/**
 * Kernels of tfjs's cpu backend that Weft mends.
 */
import type { TensorInfo, TypedArray } from '@tensorflow/tfjs-core';
import { tf } from '../tf.js';
import { einsumOn } from './einsum.js';

interface CpuBackend {
  readonly readSync: (dataId: object) => TypedArray;
  readonly makeTensorInfo: (shape: ReadonlyArray<number>, dtype: string, values: TypedArray) => TensorInfo;
  readonly disposeData: (dataId: object) => boolean;
}

let mended = false;

/** Registers the mended kernels over tfjs's own, which must be loaded; does so once. */
export const mendCpuKernels = (): void => {
  if (mended) return;
  mended = true;
  tf.unregisterKernel('Einsum', 'cpu');
  tf.registerKernel(einsumOn('cpu'));
  const stock = tf.getKernel('TensorScatterUpdate', 'cpu');
  tf.unregisterKernel('TensorScatterUpdate', 'cpu');
  tf.registerKernel({
    ...stock,
    // The stock kernel of tfjs 4.22 writes into its input; it is given a copy.
    kernelFunc: (args) => {
      const backend = args.backend as CpuBackend;
      const { dataId, shape, dtype } = args.inputs['tensor'] as TensorInfo;
      const copy = backend.makeTensorInfo(shape, dtype, backend.readSync(dataId).slice());
      const out = stock.kernelFunc({ ...args, inputs: { ...args.inputs, tensor: copy } });
      backend.disposeData(copy.dataId);
      return out;
    },
  });
};

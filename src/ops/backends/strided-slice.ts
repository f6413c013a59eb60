/**
 * Strided slices as a gather: tfjs 4.22's own do not compile on webgpu above rank 1, and call integers float32 on wasm.
 */
import type { KernelConfig, TensorInfo } from '@tensorflow/tfjs-core';
import { stridedIndex, type StridedSliceAttrs } from '../strided-index.js';
import { sizeOf } from '../tensor.js';
import { tf } from '../tf.js';

interface Storage {
  readonly write: (values: Int32Array, shape: number[], dtype: 'int32') => object;
  readonly disposeData: (dataId: object) => boolean;
}

/** StridedSlice in place of `stock`, by the GatherV2 kernel of the same backend; empty slices are left to `stock`. */
export const stridedSliceByGather = (stock: KernelConfig): KernelConfig => ({
  ...stock,
  kernelFunc: (args) => {
    const backend = args.backend as Storage;
    const x = args.inputs['x'] as TensorInfo;
    const { index, shape } = stridedIndex(x.shape, args.attrs as unknown as StridedSliceAttrs);
    if (index.length === 0) return stock.kernelFunc(args);
    const indices: TensorInfo = {
      dataId: backend.write(index, [index.length], 'int32'),
      shape: [index.length],
      dtype: 'int32',
    };
    const out = tf.getKernel('GatherV2', stock.backendName).kernelFunc({
      inputs: { x: { ...x, shape: [sizeOf(x.shape)] }, indices },
      attrs: { axis: 0, batchDims: 0 },
      backend,
    }) as TensorInfo;
    backend.disposeData(indices.dataId);
    return { ...out, shape: [...shape] };
  },
});

/**
 * Kernels of tfjs's WebGPU backend that Weft mends.
 */
import type { KernelConfig } from '@tensorflow/tfjs-core';
import { tf } from '../tf.js';
import { stridedSliceByGather } from './strided-slice.js';

const FLAG = 'WEBGPU_MATMUL_PROGRAM_TYPE';

/** tfjs's MatMulProgramType.MatMulPackedProgram. */
const PACKED = 3;

/** From this inner size on, tfjs 4.22 may choose its split-K program. */
const SPLIT_K = 2000;

/**
 * Keeps products with a transposed `b` away from the split-K program: tfjs 4.22 reads `b` in vectors of four there
 * without looking at the transpose, and gives wrong values. This is the product of every backward pass through a linear
 * layer with 2000 or more outputs.
 */
const avoidSplitK = (stock: KernelConfig): KernelConfig => ({
  ...stock,
  kernelFunc: (args) => {
    const inner = args.inputs['b']?.shape.at(-1) ?? 0;
    if (args.attrs?.['transposeB'] !== true || inner < SPLIT_K) return stock.kernelFunc(args);
    const before = tf.env().getNumber(FLAG);
    tf.env().set(FLAG, PACKED);
    try {
      return stock.kernelFunc(args);
    } finally {
      tf.env().set(FLAG, before);
    }
  },
});

const replace = (kernelName: string, mend: (stock: KernelConfig) => KernelConfig): void => {
  const stock = tf.getKernel(kernelName, 'webgpu');
  tf.unregisterKernel(kernelName, 'webgpu');
  tf.registerKernel(mend(stock));
};

/** Registers the mended kernels over tfjs's own, which must be loaded. Called once. */
export const mendWebgpuKernels = (): void => {
  replace('BatchMatMul', avoidSplitK);
  replace('_FusedMatMul', avoidSplitK);
  replace('StridedSlice', stridedSliceByGather);
};

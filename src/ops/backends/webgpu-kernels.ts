/**
 * Kernels of tfjs's WebGPU backend that Weft mends.
 */
import type { KernelConfig, TensorInfo } from '@tensorflow/tfjs-core';
import { sizeOf } from '../tensor.js';
import { tf } from '../tf.js';
import { einsumOn } from './einsum.js';
import { reductionOf } from './reduction.js';
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

interface Storage {
  readonly write: (values: Float32Array, shape: number[], dtype: 'float32') => object;
  readonly disposeData: (dataId: object) => boolean;
}

/**
 * Makes a cast of integers or truth values to float32 convert. tfjs 4.22 relabels the integer buffer, and kernels that
 * read it as declared (Transpose, and so sums over inner axes) do not compile.
 */
const convertToFloat = (stock: KernelConfig): KernelConfig => ({
  ...stock,
  kernelFunc: (args) => {
    const [x, backend] = [args.inputs['x'] as TensorInfo, args.backend as Storage];
    if (args.attrs?.['dtype'] !== 'float32' || (x.dtype !== 'int32' && x.dtype !== 'bool'))
      return stock.kernelFunc(args);
    const labelled = stock.kernelFunc(args) as TensorInfo;
    const one: TensorInfo = { dataId: backend.write(Float32Array.of(1), [], 'float32'), shape: [], dtype: 'float32' };
    const out = tf.getKernel('Multiply', 'webgpu').kernelFunc({ inputs: { a: labelled, b: one }, backend });
    [labelled, one].forEach((t) => backend.disposeData(t.dataId));
    return out;
  },
});

/**
 * Makes reverse cumulative sums and products of flips around forward ones: tfjs 4.22 writes the length into the code of the
 * reverse ones and caches the code without it, so that the next length is computed with the one before.
 */
const flipToReverse = (stock: KernelConfig): KernelConfig => ({
  ...stock,
  kernelFunc: (args) => {
    if (args.attrs?.['reverse'] !== true) return stock.kernelFunc(args);
    const backend = args.backend as Storage;
    const flip = (x: TensorInfo): TensorInfo =>
      tf
        .getKernel('Reverse', 'webgpu')
        .kernelFunc({ inputs: { x }, attrs: { dims: args.attrs?.['axis'] as number }, backend }) as TensorInfo;
    const flipped = flip(args.inputs['x'] as TensorInfo);
    const sums = stock.kernelFunc({
      ...args,
      inputs: { x: flipped },
      attrs: { ...args.attrs, reverse: false },
    }) as TensorInfo;
    const out = flip(sums);
    [flipped, sums].forEach((t) => backend.disposeData(t.dataId));
    return out;
  },
});

/** Makes a float32 sum of nothing 0: tfjs 4.22 asks for a buffer of an impossible size. */
const sumOfNothing = (stock: KernelConfig): KernelConfig => ({
  ...stock,
  kernelFunc: (args) => {
    const x = args.inputs['x'] as TensorInfo;
    if (sizeOf(x.shape) > 0 || x.dtype !== 'float32') return stock.kernelFunc(args);
    const { shape } = reductionOf(x.shape, args.attrs);
    const zeros = new Float32Array(sizeOf(shape));
    return { dataId: (args.backend as Storage).write(zeros, shape, 'float32'), shape, dtype: 'float32' };
  },
});

/** Gives a part of complex numbers their shape: tfjs 4.22 gives that from before they were reshaped. */
const shapedAsInput = (stock: KernelConfig): KernelConfig => ({
  ...stock,
  kernelFunc: (args) => ({
    ...(stock.kernelFunc(args) as TensorInfo),
    shape: (args.inputs['input'] as TensorInfo).shape,
  }),
});

/** The largest of single entries are a tensor of their own: tfjs 4.22 gives the input itself, which is freed with the result. */
const topOfOne = (stock: KernelConfig): KernelConfig => ({
  ...stock,
  kernelFunc: (args) => {
    const x = args.inputs['x'] as TensorInfo;
    const found = stock.kernelFunc(args) as TensorInfo[];
    if (found[0]?.dataId !== x.dataId) return found;
    const copy = tf.getKernel('Identity', 'webgpu').kernelFunc({ inputs: { x }, backend: args.backend }) as TensorInfo;
    return [copy, ...found.slice(1)];
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
  replace('Einsum', () => einsumOn('webgpu'));
  replace('Real', shapedAsInput);
  replace('Imag', shapedAsInput);
  replace('TopK', topOfOne);
  replace('Cast', convertToFloat);
  replace('Cumsum', flipToReverse);
  replace('Cumprod', flipToReverse);
  replace('StridedSlice', stridedSliceByGather);
  replace('Sum', sumOfNothing);
};

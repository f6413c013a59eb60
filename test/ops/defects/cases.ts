/**
 * What tfjs 4.22 computes wrong or not at all, as programs that run on tfjs as it ships and as Weft mends it.
 */
import type * as tfjs from '@tensorflow/tfjs-core';

type Tf = typeof tfjs;
type Tensor = tfjs.Tensor;

/** A tfjs with its way to take the gradient of a scalar function. */
export interface Side {
  readonly tf: Tf;
  readonly grad: (f: (x: Tensor) => Tensor) => (x: Tensor) => Tensor;
}

/** A scalar function of a vector whose gradient is compared with differences of the function itself. */
export interface GradientCase {
  readonly name: string;
  readonly size: number;
  readonly f: (side: Side) => (x: Tensor) => Tensor;
  /** Backends where it cannot run at all. */
  readonly missingOn?: ReadonlyArray<string>;
}

const gradientCase = (
  name: string,
  size: number,
  f: (tf: Tf, x: Tensor) => Tensor,
  missingOn: ReadonlyArray<string> = [],
): GradientCase => ({
  name,
  size,
  f:
    ({ tf }) =>
    (x) =>
      tf.sum(tf.square(f(tf, x))),
  missingOn,
});

/** The gradient of a function's gradient. */
const secondOrder = (name: string, size: number, f: (tf: Tf, x: Tensor) => Tensor): GradientCase => ({
  name: `${name}, second order`,
  size,
  f:
    ({ tf, grad }) =>
    (x) =>
      tf.sum(tf.square(grad((y) => tf.sum(tf.square(f(tf, y))))(x))),
});

/** Gradients that are missing, of a wrong shape, or wrong. */
export const gradientCases: ReadonlyArray<GradientCase> = [
  gradientCase('einsum', 6, (tf, x) => tf.einsum('ij,jk->ik', tf.reshape(x, [2, 3]), tf.ones([3, 2]))),
  gradientCase('gatherND', 4, (tf, x) =>
    tf.gatherND(
      tf.reshape(x, [2, 2]),
      tf.tensor2d(
        [
          [0, 1],
          [1, 0],
        ],
        [2, 2],
        'int32',
      ),
    ),
  ),
  gradientCase('scatterND', 2, (tf, x) => tf.scatterND(tf.tensor2d([[2], [0]], [2, 1], 'int32'), x, [4])),
  gradientCase('tensorScatterUpdate', 3, (tf, x) =>
    tf.tensorScatterUpdate(tf.clone(x), tf.tensor2d([[1]], [1, 1], 'int32'), tf.slice(x, [0], [1])),
  ),
  gradientCase('topk', 4, (tf, x) => tf.topk(x, 2).values),
  gradientCase('stridedSlice', 5, (tf, x) => tf.stridedSlice(x, [0], [5], [2])),
  gradientCase('fft', 4, (tf, x) => tf.real(tf.fft(tf.complex(x, tf.zerosLike(x)))), ['wasm']),
  gradientCase('rfft', 4, (tf, x) => tf.imag(tf.rfft(x)), ['wasm']),
  gradientCase('matMul with broadcast batches', 8, (tf, x) => tf.matMul(tf.ones([2, 3, 4]), tf.reshape(x, [4, 2]))),
  gradientCase('maximum with broadcasting', 3, (tf, x) => tf.maximum(x, tf.tensor2d([[0.1], [0.2]]))),
  gradientCase('minimum with broadcasting', 3, (tf, x) => tf.minimum(x, tf.tensor2d([[0.1], [0.2]]))),
  gradientCase('squaredDifference with broadcasting', 3, (tf, x) => tf.squaredDifference(x, tf.ones([2, 3]))),
  gradientCase('a mask of greater', 3, (tf, x) => tf.mul(x, tf.cast(tf.greater(x, 0.05), 'float32'))),
  gradientCase('mirrorPad', 4, (tf, x) => tf.mirrorPad(x, [[1, 2]], 'reflect')),
  gradientCase('cumprod', 4, (tf, x) => tf.cumprod(x)),
  gradientCase('depthToSpace', 8, (tf, x) => tf.depthToSpace(tf.reshape(x, [1, 1, 2, 4]) as tfjs.Tensor4D, 2)),
  gradientCase('batchNorm without scale', 6, (tf, x) =>
    tf.batchNorm(tf.reshape(x, [2, 3]), tf.tensor1d([0.1, 0.2, 0.3]), tf.tensor1d([1, 2, 3])),
  ),
  secondOrder('exp', 3, (tf, x) => tf.exp(x)),
  secondOrder('tanh', 3, (tf, x) => tf.tanh(x)),
  secondOrder('sigmoid', 3, (tf, x) => tf.sigmoid(x)),
  secondOrder('softmax', 3, (tf, x) => tf.mul(tf.softmax(x), 4)),
  secondOrder('logSoftmax', 3, (tf, x) => tf.logSoftmax(x)),
  secondOrder('logSumExp', 3, (tf, x) => tf.logSumExp(x)),
  secondOrder('max', 3, (tf, x) => tf.mul(tf.max(x), x)),
  secondOrder('elu', 3, (tf, x) => tf.elu(x)),
  secondOrder('selu', 3, (tf, x) => tf.selu(x)),
];

/** A kernel's result and what it has to be. */
export interface KernelCase {
  readonly name: string;
  readonly backends: ReadonlyArray<string>;
  readonly f: (tf: Tf) => ReadonlyArray<number>;
  readonly expected: ReadonlyArray<number>;
}

const listOf = (t: Tensor): ReadonlyArray<number> => Array.from(t.dataSync());

/** How many buffers f adds. */
const buffers = (tf: Tf, f: () => Tensor): ReadonlyArray<number> => {
  const before = tf.memory().numDataBuffers;
  f();
  return [tf.memory().numDataBuffers - before];
};

/** Kernels that are missing, wrong or copy; the last one may read and write outside of its buffers. */
export const kernelCases: ReadonlyArray<KernelCase> = [
  {
    name: 'Einsum over two indices at different steps',
    backends: ['cpu', 'wasm'],
    f: (tf) =>
      listOf(
        tf.einsum(
          'ij,jk->k',
          tf.tensor2d([[1, 2]]),
          tf.tensor2d([
            [1, 2],
            [3, 4],
          ]),
        ),
      ),
    expected: [7, 10],
  },
  {
    name: 'tensorScatterUpdate writes into its input',
    backends: ['cpu'],
    f: (tf) => {
      const x = tf.tensor1d([1, 2, 3]);
      tf.tensorScatterUpdate(x, tf.tensor2d([[1]], [1, 1], 'int32'), tf.tensor1d([9])).dataSync();
      return listOf(x);
    },
    expected: [1, 2, 3],
  },
  {
    name: 'UnsortedSegmentSum',
    backends: ['wasm'],
    f: (tf) => listOf(tf.unsortedSegmentSum(tf.tensor1d([1, 2, 3]), tf.tensor1d([1, 0, 1], 'int32'), 2)),
    expected: [2, 4],
  },
  {
    name: 'gather with batchDims',
    backends: ['wasm'],
    f: (tf) =>
      listOf(
        tf.gather(
          tf.tensor2d([
            [1, 2],
            [3, 4],
          ]),
          tf.tensor2d([[1], [0]], [2, 1], 'int32'),
          1,
          1,
        ),
      ),
    expected: [2, 3],
  },
  {
    name: 'Identity copies',
    backends: ['wasm'],
    f: (tf) => {
      const x = tf.ones([4]);
      return buffers(tf, () => tf.clone(x));
    },
    expected: [0],
  },
  {
    name: 'Cast of fractions to truth values',
    backends: ['wasm'],
    f: (tf) => listOf(tf.cast(tf.tensor1d([0, 0.5, 2]), 'bool')),
    expected: [0, 1, 1],
  },
  {
    name: 'StridedSlice of integers gives floats',
    backends: ['wasm'],
    f: (tf) => [tf.stridedSlice(tf.tensor1d([1, 2, 3], 'int32'), [0], [3], [2]).dtype === 'int32' ? 1 : 0],
    expected: [1],
  },
  {
    name: 'fused matMul with a transpose and a bias, k above 48',
    backends: ['wasm'],
    f: (tf) =>
      listOf(
        tf.fused.matMul({
          a: tf.ones([1, 96]),
          b: tf.ones([1, 96]),
          transposeB: true,
          bias: tf.tensor1d([5]),
        }),
      ),
    expected: [101],
  },
  {
    name: 'matMul with a matrix and then with its reshape',
    backends: ['wasm'],
    f: (tf) => {
      const w = tf.tensor2d([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], [3, 4]);
      const first = tf.matMul(tf.ones([1, 3]), w);
      return [...listOf(first), ...listOf(tf.matMul(tf.ones([1, 4]), tf.reshape(w, [4, 3])))];
    },
    expected: [15, 18, 21, 24, 22, 26, 30],
  },
];

/** The gradient that a side takes, and central differences of the function on the same side. */
export interface Found {
  readonly gradient: ReadonlyArray<number>;
  readonly difference: ReadonlyArray<number>;
}

const STEP = 2 ** -6;

/** Gradient and differences of a case. */
export const gradientOf = ({ size, f }: GradientCase, side: Side): Found => {
  const { tf } = side;
  const values = Array.from({ length: size }, (_, i) => 0.9 * Math.sin(1 + 2 * i) + 0.013);
  const at = (xs: ReadonlyArray<number>): number => f(side)(tf.tensor1d([...xs])).dataSync()[0] as number;
  const moved = (i: number, h: number): number => at(values.map((v, j) => (j === i ? v + h : v)));
  return {
    gradient: listOf(side.grad(f(side))(tf.tensor1d(values))),
    difference: values.map((_, i) => (moved(i, STEP) - moved(i, -STEP)) / (2 * STEP)),
  };
};

/** A value, or the message of what was thrown. */
export type Answer<A> = { readonly value: A } | { readonly error: string };

/** Runs f. */
export const answer = <A>(f: () => A): Answer<A> => {
  try {
    return { value: f() };
  } catch (error) {
    return { error: (error as Error).message };
  }
};

/**
 * What operations give without kernels of ours.
 */
import { tf } from '../../src/ops/tf.js';

/** Kernels of wasm that tfjs does not have, beside those that it does not compute with at all. */
export const fusedKernels = [
  ...['Silu', 'SiluGate', 'GeluTanh', 'LayerNorm', 'RmsNorm', 'Attention', 'CrossEntropy'].flatMap((name) => [
    name,
    `${name}Grad`,
  ]),
  'RotateHeads',
  'RotateHeadsBack',
];

/** Runs `f` while the current backend lacks the fused kernels. */
export const withoutKernels = async <A>(f: () => A | Promise<A>): Promise<A> => {
  const backend = tf.getBackend();
  const ours = fusedKernels.map((name) => tf.getKernel(name, backend)).filter((kernel) => kernel !== undefined);
  ours.forEach(({ kernelName }) => tf.unregisterKernel(kernelName, backend));
  try {
    return await f();
  } finally {
    ours.forEach((kernel) => tf.registerKernel(kernel));
  }
};

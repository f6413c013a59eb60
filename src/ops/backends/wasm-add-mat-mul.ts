/**
 * Changes of matrices by products, in the pass over the wasm heap that the product takes.
 */
import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import type { AddMatMulAttrs } from '../add-mat-mul.js';
import { tf } from '../tf.js';
import { gemmOf } from './wasm-gemm.js';
import { heapOf } from './wasm-heap.js';
import { multiply } from './wasm-mat-mul.js';

/** W + s F * (op(B) op(A)); without F all of it is 1. */
const addMatMul: KernelFunc = ({ inputs, attrs, backend }) => {
  const [heap, gemm] = [heapOf(backend), gemmOf(backend as object)];
  if (heap === undefined || gemm === undefined) throw new Error('this backend was not started by useBackend');
  const { W, F, B, A } = inputs as Readonly<Record<'W' | 'B' | 'A', TensorInfo>> & { readonly F?: TensorInfo };
  const { s, transposeB, transposeA, spends } = attrs as unknown as AddMatMulAttrs;
  const changes = { W, s, spends, ...(F === undefined ? {} : { F }) };
  return multiply(heap, gemm, { info: B, transposed: transposeB }, { info: A, transposed: transposeA }, changes);
};

/** Registers the kernels where the backend has products of ours; tfjs lacks them. */
export const installAddMatMul = (backend: object): void => {
  if (gemmOf(backend) === undefined) return;
  for (const kernelName of ['AddMatMul', 'AddHadamardMatMul'])
    if (tf.getKernel(kernelName, 'wasm') === undefined)
      tf.registerKernel({ kernelName, backendName: 'wasm', kernelFunc: addMatMul });
};

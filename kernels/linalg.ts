/**
 * Dense linear algebra in float64, two numbers at a time.
 *
 * AssemblyScript, compiled by scripts/kernels.mjs. No fused multiply-add, and each sum in one stated order, so that results are the same
 * on every machine and as those of src/ops/linalg.
 */
export { sweep } from './linalg/jacobi';
export { product } from './linalg/product';
export { symmetricProduct } from './linalg/symmetric';
export { addScaled, dot, reflect, rotate } from './linalg/vectors';

/** Where free memory begins. */
export function heapBase(): usize {
  return __heap_base;
}

/**
 * Rows moved, and functions of elements and rows, for float32 tensors in an imported memory.
 *
 * AssemblyScript, compiled by scripts/kernels.mjs, which takes `// @inline` for the decorator. Sums over a row have four parts,
 * one for each lane, so that they are the same on every machine; only the relaxed build may fuse multiply-adds.
 */
export { attend, attendGrad, seenKeys } from './elements/attention';
export { geluTanh, geluTanhGrad, silu, siluGate, siluGateGrad, siluGrad } from './elements/gates';
export { normalize, normalizeGrad } from './elements/norm';
export { rotate } from './elements/rotate';
export { copyRows } from './elements/rows';
export { expSums, softmax } from './elements/softmax';
export { transpose } from './elements/transpose';

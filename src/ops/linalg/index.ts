/**
 * Linear algebra: decompositions of matrices on the host in float64, and differentiable operations on tensors.
 */
export { blockCirculant, kron } from './kron.js';
export { cayley, cayleyNeumann, skewSymmetric } from './cayley.js';
export { cholesky } from './cholesky.js';
export { eigh, type Eigh } from './eigh.js';
export { hostInverse, hostSolve } from './lu.js';
export { identity, matrix, matrixOf, multiply, tensorOfMatrix, transposed, type Matrix } from './matrix.js';
export { inverse, solve } from './inverse.js';
export { inverseDft2, type SpectrumPositions } from './inverse-dft.js';
export { denseReflections, gramSchmidt, qrColumns, reflections, reflectRows, type Reflections } from './reflections.js';
export { qr, type Qr } from './qr.js';
export { kMeans, type KMeansOptions } from './k-means.js';
export { spectralNorm } from './spectral-norm.js';
export { leading, secondsOfSvd, svd, svdOfProduct, type Svd } from './svd.js';
export { useNativeLinalg, type NativeLinalg } from './native.js';
export { svdLeading, type LeadingSvd } from './svd-leading.js';
export { svdLowRank, svdLowRankSync } from './svd-low-rank.js';
export { svdTruncated, type TruncatedSvd, type TruncationOptions } from './svd-truncated.js';

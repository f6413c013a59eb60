/**
 * Matrices and decompositions as plain values.
 */

/** A dense matrix in row-major order: entry (i, j) is `data[i * cols + j]`. */
export interface Matrix {
  readonly rows: number;
  readonly cols: number;
  readonly data: Float64Array | Float32Array;
}

/** A matrix in an array: entry (i, j) is `x[at + i row + j]`. */
export interface Block {
  readonly x: Float64Array;
  readonly at: number;
  readonly row: number;
}

/** A left factor: entry (i, j) is `x[at + i row + j step]`, so that it may be a transpose. */
export interface LeftBlock {
  readonly x: Float64Array | Float32Array;
  readonly at: number;
  readonly row: number;
  readonly step: number;
}

/** `A = U diag(S) Vt`: U [m, k] and Vt^T [n, k] with orthonormal columns, S [k] descending and not negative. */
export interface Svd {
  readonly U: Matrix;
  readonly S: Float64Array;
  readonly Vt: Matrix;
}

/** The leading triplets and how well they solve A^T u = s v: the largest error's norm, as a part of the largest s. */
export interface LeadingSvd extends Svd {
  readonly residual: number;
}

/** `A = V diag(w) V^T`: w [n] ascending, V [n, n] orthogonal with the eigenvectors as columns. */
export interface Eigh {
  readonly w: Float64Array;
  readonly V: Matrix;
}

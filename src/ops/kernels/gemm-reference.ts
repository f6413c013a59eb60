/**
 * Matrix products in TypeScript: the oracle of kernels/gemm.ts, and what runs where it cannot.
 */

/** Sizes of a product: [m, k] times [k, n]. */
export interface Sizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** Where a float32 matrix lies: its first byte in the memory, and how many elements its rows are apart. */
export interface Place {
  readonly at: number;
  readonly stride: number;
}

/** A factor op(X): the matrix as it lies, or its transpose. */
export interface Factor extends Place {
  readonly transposed: boolean;
}

/** What a product changes: where W and F lie, whose rows are as far apart as those of C, and s. Without F all of it is 1. */
export interface Change {
  readonly W: number;
  readonly F?: number;
  readonly s: number;
}

/**
 * C = op(A) op(B), with `adds` C += op(A) op(B), with a change C = W + s F * (op(A) op(B)), in one memory; C overlaps no other matrix, and
 * a product is not both added and a change.
 */
export type Gemm = (sizes: Sizes, a: Factor, b: Factor, c: Place, adds: boolean, change?: Change) => void;

/** sums[j] = W[j] + s F[j] * sums[j], each operation rounded to float32, for a row of a product that begins at element `row`. */
const change = (heap: Float32Array, sums: Float32Array, row: number, c: Place, { W, F, s }: Change): void => {
  const [toW, toF] = [(W - c.at) / 4, F === undefined ? undefined : (F - c.at) / 4];
  for (let j = 0; j < sums.length; j++) {
    const sum = sums[j] as number;
    const product = toF === undefined ? sum : Math.fround((heap[row + toF + j] as number) * sum);
    sums[j] = (heap[row + toW + j] as number) + Math.fround(Math.fround(s) * product);
  }
};

/** How far apart the rows and the columns of op(X) are. */
const stepsOf = ({ stride, transposed }: Factor): readonly [row: number, column: number] =>
  transposed ? [1, stride] : [stride, 1];

/**
 * The products of a memory, each element summed over k = 0, 1, ... with every operation rounded to float32.
 */
export const referenceGemm =
  (memory: { readonly buffer: ArrayBufferLike }): Gemm =>
  ({ m, n, k }, a, b, c, adds, onto) => {
    const heap = new Float32Array(memory.buffer);
    const [rowA, columnA] = stepsOf(a);
    const [rowB, columnB] = stepsOf(b);
    const sums = new Float32Array(n);
    for (let i = 0; i < m; i++) {
      const row = c.at / 4 + i * c.stride;
      if (adds) sums.set(heap.subarray(row, row + n));
      else sums.fill(0);
      for (let l = 0; l < k; l++) {
        const x = heap[a.at / 4 + i * rowA + l * columnA] as number;
        const from = b.at / 4 + l * rowB;
        for (let j = 0; j < n; j++)
          sums[j] = (sums[j] as number) + Math.fround(x * (heap[from + j * columnB] as number));
      }
      if (onto !== undefined) change(heap, sums, row, c, onto);
      heap.set(sums, row);
    }
  };

/**
 * Results of torch and PEFT (test/golden/linalg/generate.py).
 */
import { readFileSync } from 'node:fs';
import { tensorOf } from '../../../src/ops/backend.js';
import { matrix, type Matrix } from '../../../src/ops/linalg/matrix.js';
import type { Tensor } from '../../../src/ops/tensor.js';

/** A tensor at rest. */
export interface Stored {
  readonly shape: ReadonlyArray<number>;
  readonly data: ReadonlyArray<number>;
}

interface Reference {
  readonly qr: ReadonlyArray<{ readonly name: string; readonly a: Stored; readonly q: Stored; readonly r: Stored }>;
  readonly svdvals: ReadonlyArray<{ readonly name: string; readonly a: Stored; readonly s: Stored }>;
  readonly eigh: ReadonlyArray<{ readonly name: string; readonly a: Stored; readonly w: Stored }>;
  readonly solve: ReadonlyArray<{
    readonly a: Stored;
    readonly b: Stored;
    readonly x: Stored;
    readonly inverse: Stored;
  }>;
  readonly lowRank: ReadonlyArray<{
    readonly name: string;
    readonly a: Stored;
    readonly r: Stored;
    readonly niter: number;
    readonly s: Stored;
    readonly product: Stored;
  }>;
  readonly oft: ReadonlyArray<{ readonly terms: number | null; readonly u: Stored; readonly rotation: Stored }>;
  readonly hra: ReadonlyArray<{
    readonly gs: boolean;
    readonly reverse: boolean;
    readonly u: Stored;
    readonly h: Stored;
  }>;
  readonly kron: ReadonlyArray<{ readonly a: Stored; readonly b: Stored; readonly c: Stored }>;
  readonly c3a: { readonly w: Stored; readonly c: Stored };
  readonly dft: ReadonlyArray<{
    readonly m: number;
    readonly n: number;
    readonly rows: ReadonlyArray<number>;
    readonly cols: ReadonlyArray<number>;
    readonly c: Stored;
    readonly y: Stored;
  }>;
}

export const reference = JSON.parse(
  readFileSync(new URL('../../golden/linalg/reference.json', import.meta.url), 'utf8'),
) as Reference;

/** A stored matrix in float64. */
export const storedMatrix = ({ shape, data }: Stored): Matrix =>
  matrix(shape[0] as number, shape[1] as number, Float64Array.from(data));

/** A stored tensor in float32. */
export const storedTensor = ({ shape, data }: Stored): Tensor => tensorOf(Float32Array.from(data), shape);

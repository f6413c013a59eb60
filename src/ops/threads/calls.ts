/**
 * What the threads of a team do: functions of numbers, on a heap that all of them see.
 */
import type { Elements } from '../kernels/elements.js';
import type { Gemm } from '../kernels/gemm-reference.js';
import type { ProductNumbers } from '../kernels/gemm.js';
import { performAttend, performAttendGrad } from './attention.js';
import type { Perform } from './board.js';

/** What each thread has of its own; the heap that they work on is the same. */
export interface Tools {
  readonly gemm: Gemm;
  readonly e: Elements;
}

/** Numbers of the call of a product, and of what it changes. */
type Product = readonly [...ProductNumbers, W: number, F: number, s: number];

/** C = op(A) op(B) and its forms, see `Gemm`; a place of 0 is none. */
const multiply = (gemm: Gemm, product: Product): void => {
  const [transposeA, transposeB, m, n, k, a, lda, b, ldb, c, ldc, adds, W, F, s] = product;
  gemm(
    { m, n, k },
    { at: a, stride: lda, transposed: transposeA === 1 },
    { at: b, stride: ldb, transposed: transposeB === 1 },
    { at: c, stride: ldc },
    adds === 1,
    W === 0 ? undefined : { W, s, ...(F === 0 ? {} : { F }) },
  );
};

/** Functions of elements and rows that can be done in parts. */
const ELEMENTS = [
  'expSums',
  'softmax',
  'normalize',
  'normalizeGrad',
  'rotate',
  'silu',
  'siluGrad',
  'siluGate',
  'siluGateGrad',
  'geluTanh',
  'geluTanhGrad',
] as const satisfies ReadonlyArray<keyof Elements>;

/** Names of functions, in an order that is the same in every thread. */
const NAMES = ['gemm', 'attend', 'attendGrad', ...ELEMENTS] as const;

/** A function that a team does. */
export type Task = (typeof NAMES)[number];

/** The number of a function on a board. */
export const numberOf = (task: Task): number => NAMES.indexOf(task);

/** Does calls with the tools of a thread. */
export const performer = (tools: Tools): Perform => {
  const functions: ReadonlyArray<(args: ReadonlyArray<number>) => void> = [
    (args) => multiply(tools.gemm, args as unknown as Product),
    (args) => performAttend(tools, args),
    (args) => performAttendGrad(tools, args),
    ...ELEMENTS.map((name) => {
      const f = tools.e[name] as (...args: ReadonlyArray<number>) => void;
      return (args: ReadonlyArray<number>) => f(...args);
    }),
  ];
  return (f, args) => functions[f]?.(args);
};

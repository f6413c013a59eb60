/**
 * Matrix products as data.
 */
import type { Case } from '../bench.js';
import { sizeOf, type Shape } from '../../src/ops/tensor.js';

/** op(A) op(B), where op swaps the last two axes or does nothing; leading axes are batches. */
export type Product = Readonly<{ a: Shape; b: Shape; transposeA: boolean; transposeB: boolean }>;

/** A product from its name: `flops` is 2 m n k for every batch. */
const product = (name: string, a: Shape, b: Shape, transposeA = false, transposeB = false): Case => {
  const task: Product = { a, b, transposeA, transposeB };
  const columns = b.at(transposeB ? -2 : -1) as number;
  return { name, task, flops: 2 * sizeOf(a) * columns };
};

const squares = (n: number): ReadonlyArray<Case> => [
  product(`${n}³, A B`, [n, n], [n, n]),
  product(`${n}³, A Bᵀ`, [n, n], [n, n], false, true),
  product(`${n}³, Aᵀ B`, [n, n], [n, n], true),
];

/** LoRA of rank r beside a layer of n x n, over T tokens. */
const lora = (T: number, n: number, r: number): ReadonlyArray<Case> => [
  product(`LoRA, x Aᵀ: ${T} x ${n} x ${r}`, [T, n], [r, n], false, true),
  product(`LoRA, h Bᵀ: ${T} x ${r} x ${n}`, [T, r], [n, r], false, true),
  product(`LoRA, dyᵀ h: ${n} x ${T} x ${r}`, [T, n], [T, r], true),
  product(`LoRA, B A: ${n} x ${r} x ${n}`, [n, r], [r, n]),
];

/** 32 heads of size d over T tokens. */
const heads = (T: number, d: number): ReadonlyArray<Case> => [
  product(`32 heads, Q Kᵀ: ${T} x ${d} x ${T}`, [32, T, d], [32, T, d], false, true),
  product(`32 heads, P V: ${T} x ${T} x ${d}`, [32, T, T], [32, T, d]),
  product(`32 heads, Pᵀ dY: ${T} x ${T} x ${d}`, [32, T, T], [32, T, d], true),
];

/** Square products, those of LoRA and of attention, and of decoding: one token through a layer. */
export const products = (quick: boolean): ReadonlyArray<Case> => [
  ...(quick ? [128] : [256, 512, 1024]).flatMap(squares),
  ...lora(quick ? 64 : 512, quick ? 128 : 768, 8),
  ...heads(quick ? 32 : 128, 32),
  product('one token: 1 x 1024 x 1024', [1, 1024], [1024, 1024], false, true),
];

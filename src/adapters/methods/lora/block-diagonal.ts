/**
 * BD-LoRA: A or B is block diagonal, and the file holds its blocks one below the other.
 *
 * Wang et al., "Block-Diagonal LoRA for Eliminating Communication Overhead in Tensor Parallel LoRA Serving",
 * https://arxiv.org/abs/2510.23346
 */
import * as t from 'io-ts';
import { E } from '../../../fp.js';
import { tensorOf } from '../../../ops/backend.js';
import { uniform, type Key } from '../../../ops/random.js';
import { sizeOf, type Shape, type Tensor } from '../../../ops/tensor.js';
import { tf } from '../../../ops/tf.js';
import { fail, orProblems, problem, type Problem, type Result } from '../../../problem.js';
import { field, nullable, type Values } from '../../config.js';
import { names, positiveInt } from '../../targeting-fields.js';
import { nestedConfig } from './nested.js';

const fields = {
  match_strict: field(t.boolean, true),
  nblocks: field(positiveInt, 1),
  target_modules_bd_a: nullable(names),
  target_modules_bd_b: nullable(names),
} as const;

/** use_bdlora. */
export type BlockConfig = Values<typeof fields>;

/** Codec of use_bdlora. */
export const blockCodec = nestedConfig('BD-LoRA', fields);

/** Which factor of a module is block diagonal, in how many blocks; nothing for plain LoRA. */
export interface Blocks {
  readonly factor: 'A' | 'B';
  readonly count: number;
}

const at = 'adapter_config.json: use_bdlora';

/** Names that both lists have. */
export const blockProblems = (c: BlockConfig): ReadonlyArray<Problem> => {
  const both = (c.target_modules_bd_a ?? []).filter((name) => c.target_modules_bd_b?.includes(name));
  return both.map((name) => problem(at, 'each name in one of target_modules_bd_a and target_modules_bd_b', name));
};

/** The block-diagonal factor of a module: the one in whose list a part of its name stands. */
export const blocksOf = (
  c: BlockConfig,
  module: string,
  { r, out, inputs }: { readonly r: number; readonly out: number; readonly inputs: number },
): Result<Blocks | undefined> => {
  const within = (list: ReadonlyArray<string> | null): boolean => (list ?? []).some((part) => module.includes(part));
  const [a, b] = [within(c.target_modules_bd_a), within(c.target_modules_bd_b)];
  if (a && b) return fail(at, `${module} in one of its lists`, 'both of them');
  if (!a && !b)
    return c.match_strict
      ? fail(at, `a list that has a part of ${module}`, 'none', 'Set match_strict to false for plain LoRA there.')
      : E.right(undefined);
  const sizes = [
    ...(a ? [['the inputs', inputs] as const] : [['the outputs', out] as const]),
    ['the rank', r] as const,
  ];
  return orProblems(
    sizes
      .filter(([, size]) => size % c.nblocks !== 0)
      .map(([what, size]) =>
        problem(`${at}: nblocks`, `a number that divides ${what} of ${module}, ${size}`, String(c.nblocks)),
      ),
    () => ({ factor: a ? 'A' : 'B', count: c.nblocks }),
  );
};

/** The dense form [m, n k] of k blocks [m / k, n] that are stored as [m, n]. */
export const blockDiagonal = (X: Tensor, k: number): Tensor => {
  const [m, n] = X.shape as [number, number];
  if (k === 1) return X;
  const mask = Float32Array.from({ length: m * n * k }, (_, i) => {
    const [row, column] = [Math.floor(i / (n * k)), i % (n * k)];
    return Math.floor((row * k) / m) === Math.floor(column / n) ? 1 : 0;
  });
  return tf.mul(tf.tile(X, [1, k]), tensorOf(mask, [m, n * k]));
};

/** U(-sqrt(6 / fan_in), sqrt(6 / fan_in)): PEFT starts a block-diagonal A wider than a dense one. */
export const startBlocks = (key: Key, shape: Shape): Tensor => {
  const bound = Math.sqrt(6 / sizeOf(shape.slice(1)));
  return uniform(key, shape, -bound, bound);
};

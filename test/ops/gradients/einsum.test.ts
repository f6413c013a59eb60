import { describe, expect, it } from 'vitest';
import { read, scope, tensorOf } from '../../../src/ops/backend.js';
import type { Shape, Tensor } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { numbers } from '../arbitrary.js';
import { expectGradient, gradientOf } from './finite-difference.js';

const size: Readonly<Record<string, number>> = { b: 2, i: 2, j: 3, k: 4, l: 2 };

const shapesOf = (equation: string): ReadonlyArray<Shape> =>
  (equation.replaceAll(' ', '').split('->')[0] as string)
    .split(',')
    .map((term) => [...term].map((letter) => size[letter] as number));

const equations = [
  'ij,jk->ik',
  'ij,kj->ki',
  'bij,bjk->bik',
  'bij,jk->bik',
  'bij,kjb->bki',
  'ij,ij->i',
  'ij,ij->',
  'i,j->ij',
  'ij,jk->k',
  'bil, bjl -> jb',
  'ij->ji',
  'bij->j',
  'ij->ij',
];

/** The sum written out over all indices. */
const writtenOut = (equation: string, xs: ReadonlyArray<Float32Array>): number[] => {
  const [left = '', result = ''] = equation.replaceAll(' ', '').split('->');
  const terms = left.split(',');
  const letters = [...new Set(left.replaceAll(',', ''))];
  const place = (term: string, at: Readonly<Record<string, number>>): number =>
    [...term].reduce((p, l) => p * (size[l] as number) + (at[l] as number), 0);
  const out = Array<number>([...result].reduce((n, l) => n * (size[l] as number), 1)).fill(0);
  const visit = (rest: ReadonlyArray<string>, at: Readonly<Record<string, number>>): void => {
    const [letter, ...others] = rest;
    if (letter === undefined) {
      const product = terms.reduce((p, term, i) => p * ((xs[i] as Float32Array)[place(term, at)] as number), 1);
      out[place(result, at)] = (out[place(result, at)] as number) + product;
    } else for (let i = 0; i < (size[letter] as number); i++) visit(others, { ...at, [letter]: i });
  };
  visit(letters, {});
  return out;
};

describe('einsum', () => {
  it.each(equations)('%s: its value', async (equation) => {
    const shapes = shapesOf(equation);
    const xs = shapes.map((shape, i) =>
      numbers(
        i + 1,
        shape.reduce((n, d) => n * d, 1),
      ),
    );
    const before = tf.memory().numDataBuffers;
    const y = scope(() => tf.einsum(equation, ...xs.map((x, i) => tensorOf(x, shapes[i] as Shape))));
    expect(await read(y)).toBeAllClose(writtenOut(equation, xs));
    y.dispose();
    expect(tf.memory().numDataBuffers).toBe(before);
  });

  it.each(equations)('%s: its gradient', (equation) =>
    expectGradient({ f: (...xs) => tf.einsum(equation, ...(xs as Tensor[])), shapes: shapesOf(equation), seed: 1 }),
  );

  it('second order', () =>
    expectGradient({
      f: gradientOf((a, b) => tf.square(tf.einsum('bij,jk->bk', a as Tensor, b as Tensor))),
      shapes: [
        [2, 2, 3],
        [3, 2],
      ],
      seed: 4,
      tolerance: { rtol: 5e-3, atol: 2e-2 },
    }));
});

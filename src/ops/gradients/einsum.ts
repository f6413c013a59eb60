/**
 * Gradients of Einstein sums.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '../tensor.js';
import { attrsOf, broadcastBy, single, type Rule } from './rule.js';

/** Indices of the operands and of the result: 'ij,jk->ik' is [['ij', 'jk'], 'ik']. */
const termsOf = (equation: string): readonly [operands: ReadonlyArray<string>, result: string] => {
  const [left = '', right = ''] = equation.replace(/\s/g, '').split('->');
  return [left.split(','), right];
};

/** The sum over indices that are not in `result`; a scalar operand is a factor, since tfjs knows no empty terms. */
const contracted = (operands: ReadonlyArray<readonly [Tensor, string]>, result: string): Tensor => {
  const [scalars, others] = [operands.filter(([, term]) => term === ''), operands.filter(([, term]) => term !== '')];
  const equation = `${others.map(([, term]) => term).join(',')}->${result}`;
  const sum = others.length === 0 ? tf.scalar(1) : tf.einsum(equation, ...others.map(([x]) => x));
  return scalars.reduce<Tensor>((acc, [s]) => tf.mul(acc, s), sum);
};

/**
 * With `y[r] = sum of a[p] b[q]`: `da[p] = sum of dy[r] b[q]`, repeated along indices that only a has, which were summed alone.
 */
const operandGradient = (dy: Tensor, xs: ReadonlyArray<Tensor>, i: number, equation: string): Tensor => {
  const [terms, result] = termsOf(equation);
  const others = [
    [dy, result] as const,
    ...xs.map((x, j) => [x, terms[j] as string] as const).filter((_, j) => j !== i),
  ];
  const own = [...(terms[i] as string)];
  const known = new Set(others.flatMap(([, term]) => [...term]));
  const sum = contracted(others, own.filter((index) => known.has(index)).join(''));
  const { shape } = xs[i] as Tensor;
  const wide = shape.map((d, axis) => (known.has(own[axis] as string) ? d : 1));
  return broadcastBy(tf.reshape(sum, wide), shape);
};

/** Rule of Einstein sums of one or two operands. */
export const einsum: Rule = {
  kernelName: 'Einsum',
  saveAllInputs: true,
  gradFunc: (dys, xs, attrs) => {
    const { equation } = attrsOf<{ readonly equation: string }>(attrs);
    return Object.fromEntries(xs.map((_, i) => [i, () => operandGradient(single(dys), xs, i, equation)] as const));
  },
};

/**
 * Gradients of matrix products.
 */
import { matMul } from '../mat-mul.js';
import type { Tensor } from '../tensor.js';
import { attrsOf, single, unbroadcast, type Rule } from './rule.js';

/** Rule of `y = op(a) op(b)`; batch axes that were broadcast are summed. */
const batchMatMul: Rule = {
  kernelName: 'BatchMatMul',
  inputsToSave: ['a', 'b'],
  reads: (input) => (input === 'a' ? ['b'] : ['a']),
  gradFunc: (dys, saved, attrs) => {
    const dy = single(dys);
    const [a, b] = saved as [Tensor, Tensor];
    const { transposeA: tA, transposeB: tB } = attrsOf<{ readonly transposeA: boolean; readonly transposeB: boolean }>(
      attrs,
    );
    // a enters as op(a), so da = op(dy op(b)^T), and db likewise; the transposes fold into the flags.
    return {
      a: () => unbroadcast(tA ? matMul(b, dy, tB, true) : matMul(dy, b, false, !tB), a.shape),
      b: () => unbroadcast(tB ? matMul(dy, a, true, tA) : matMul(a, dy, !tA, false), b.shape),
    };
  },
};

/** Rules of the matrix products. */
export const linear: ReadonlyArray<Rule> = [batchMatMul];

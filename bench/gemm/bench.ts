/**
 * The bench of matrix products.
 */
import { inNode, inPython, weftContenders, type Bench, type Contender } from '../bench.js';
import type { Setting } from '../setting.js';
import { products } from './product.js';

/** GFLOP/s of Weft, plain tfjs, jax-js and numpy, all on one thread. */
export const gemmBench = ({ python, quick }: Setting): Bench => {
  const numpy: Contender | undefined = python && {
    name: 'numpy',
    program: inPython(python.command, 'gemm', { OPENBLAS_NUM_THREADS: '1' }),
  };
  return {
    name: 'gemm',
    title: 'Matrix products on one thread',
    cases: products(quick),
    contenders: [
      ...weftContenders('gemm/prepare.ts').filter(({ name }) => !name.endsWith('threads')),
      { name: 'tfjs', program: inNode('gemm/prepare.ts', { side: 'tfjs' }) },
      { name: 'jax-js', program: inNode('gemm/jax.ts', { side: 'jax' }) },
      ...(numpy === undefined ? [] : [numpy]),
    ],
    rounds: 5,
    least: 50,
    limit: 60,
    budget: 3,
  };
};

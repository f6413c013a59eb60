/**
 * The bench of operations: Weft beside plain tfjs.
 */
import { inNode, type Bench } from '../bench.js';
import { operations } from './operations.js';

/** Layers, updates and conversions at the sizes of small models. */
export const opsBench: Bench = {
  name: 'ops',
  title: 'Operations: Weft against plain tfjs on wasm',
  cases: operations.map(({ name, against }) => ({ name, task: { name }, note: against })),
  contenders: [
    { name: 'Weft', program: inNode('ops/prepare.ts', { side: 'weft' }) },
    { name: 'tfjs', program: inNode('ops/prepare.ts', { side: 'tfjs' }) },
  ],
  rounds: 7,
  least: 60,
  limit: 60,
  budget: 3,
};

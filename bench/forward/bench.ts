/**
 * The bench of forward passes: what an adapter costs beside the weights, and once it is merged.
 */
import { inNode, type Bench, type Contender } from '../bench.js';
import { llamaOf, taskOf } from '../models/cases.js';
import type { Setting } from '../setting.js';
import { examples } from './adapters.js';
import type { Reading } from './prepare.js';

/** A Llama as it is, with each adapter attached, and with each adapter merged. */
export const forwardBench = ({ folder, quick }: Setting): Bench => {
  const model = taskOf(folder, 'llama', llamaOf(quick));
  const program = inNode('forward/prepare.ts', { side: 'weft' });
  const weft = (reading: Reading, like: Reading): Contender => ({
    name: `Weft, ${reading}`,
    program,
    variant: { reading },
    like: `Weft, ${like}`,
  });
  return {
    name: 'forward',
    title: 'Forward pass of a Llama of 6.85 M, 4 x 128 tokens, by adapter on q, v',
    cases: examples.map(({ type, fields, family }) => ({
      name: family,
      task: { ...model, type, fields: { ...fields, target_modules: ['q_proj', 'v_proj'] } },
    })),
    contenders: [
      weft('base', 'base'),
      weft('attached', 'merged'),
      weft('merged', 'attached'),
      { name: 'tfjs, base', program: inNode('forward/prepare.ts', { side: 'tfjs' }), variant: { reading: 'base' } },
    ],
    rounds: 5,
    least: 200,
    limit: 60,
    budget: 4,
  };
};

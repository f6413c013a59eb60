/**
 * The training bench: loss and gradients of a LoRA.
 */
import { inNode, inPython, pythonContenders, weftContenders, type Bench } from '../bench.js';
import { versionOf } from '../machine.js';
import { gpt2Of, llamaOf, taskOf } from '../models/cases.js';
import type { Setting } from '../setting.js';

/** Weft against plain tfjs, jax-js, and torch with PEFT. */
export const trainingBench = ({ folder, quick, python }: Setting): Bench => ({
  name: 'training',
  title: 'Loss and gradients of a LoRA, r = 8',
  cases: [
    { name: 'Llama 6.85 M, 4 x 128 tokens, r=8 on q, v', task: taskOf(folder, 'llama', llamaOf(quick)) },
    { name: 'GPT-2 124 M, 1 x 128 tokens, r=8 on c_attn', task: taskOf(folder, 'gpt2', gpt2Of(quick)) },
  ],
  contenders: [
    ...weftContenders('training/prepare.ts'),
    {
      name: 'Weft, checkpointed by layer',
      program: inNode('training/prepare.ts', { side: 'weft' }),
      variant: { checkpoint: true },
    },
    { name: 'tfjs', program: inNode('training/prepare.ts', { side: 'tfjs' }) },
    { name: 'jax-js', program: inNode('training/jax.ts', { side: 'jax' }) },
    ...(python === undefined ? [] : pythonContenders('torch', inPython(python.command, 'training'))),
  ],
  rounds: 5,
  // engines compile while they run: several steps behind a first that is not counted
  least: quick ? 0 : 4000,
  limit: 90,
  budget: 20,
  fresh: true,
  versions: { 'jax-js': versionOf('@jax-js/jax'), ...python?.versions },
});

/**
 * The training bench: loss and gradients of a LoRA.
 */
import { cpus } from 'node:os';
import { join } from 'node:path';
import { inNode, inPython, type Bench, type Case, type Contender } from '../bench.js';
import { versionOf } from '../machine.js';
import type { Setting } from '../setting.js';
import { gpt2, llama, type Architecture } from './architectures.js';
import type { StepTask } from './step.js';
import { writeBase, writeLora } from './write.js';

const RANK = 8;

const models = (quick: boolean): Readonly<Record<string, Architecture>> =>
  quick
    ? {
        'Llama, 2 layers of 64': llama(
          { hidden: 64, intermediate: 172, layers: 2, heads: 4, groups: 2, vocabulary: 256 },
          [2, 16],
        ),
        'GPT-2, 2 layers of 64': gpt2({ hidden: 64, layers: 2, heads: 4, vocabulary: 256 }, [1, 16]),
      }
    : {
        'Llama 6.85 M, 4 x 128 tokens, r=8 on q, v': llama(
          { hidden: 256, intermediate: 688, layers: 8, heads: 8, groups: 4, vocabulary: 4096 },
          [4, 128],
        ),
        'GPT-2 124 M, 1 x 128 tokens, r=8 on c_attn': gpt2(
          { hidden: 768, layers: 12, heads: 12, vocabulary: 50_257 },
          [1, 128],
        ),
      };

const caseOf = (folder: string, name: string, architecture: Architecture): Case => {
  const task: StepTask = {
    base: writeBase(join(folder, name), architecture),
    adapter: writeLora(join(folder, name), architecture, RANK),
    ids: architecture.ids,
    vocabulary: architecture.config['vocab_size'] as number,
  };
  return { name, task };
};

/** Weft against plain tfjs, jax-js, and torch with PEFT. */
export const trainingBench = ({ folder, quick, python }: Setting): Bench => {
  const torch = python && inPython(python.command, 'training');
  const withTorch = (threads: number): ReadonlyArray<Contender> =>
    torch === undefined
      ? []
      : [{ name: `torch, ${threads} thread${threads === 1 ? '' : 's'}`, program: torch, variant: { threads } }];
  return {
    name: 'training',
    title: 'Loss and gradients of a LoRA, r = 8',
    cases: Object.entries(models(quick)).map(([name, architecture]) => caseOf(folder, name, architecture)),
    contenders: [
      { name: 'Weft', program: inNode('training/prepare.ts', 'weft') },
      { name: 'tfjs', program: inNode('training/prepare.ts', 'tfjs') },
      { name: 'jax-js', program: inNode('training/jax.ts', 'jax') },
      ...withTorch(1),
      ...withTorch(cpus().length),
    ],
    rounds: 5,
    least: 0,
    limit: 90,
    budget: 40,
    fresh: true,
    versions: { 'jax-js': versionOf('@jax-js/jax'), ...python?.versions },
  };
};

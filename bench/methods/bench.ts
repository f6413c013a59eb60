/**
 * The bench of methods: merging one large weight, Weft beside PEFT.
 */
import { join } from 'node:path';
import { inPython, pythonContenders, weftContenders, type Bench, type Case } from '../bench.js';
import type { Setting } from '../setting.js';
import { mergings, type Merging } from './adapters.js';
import type { MergeTask } from './prepare.js';

const caseOf = (folder: string, { name, note, ...layer }: Merging): Case => {
  const task: MergeTask = {
    ...layer,
    base: join(folder, `${layer.layer} ${layer.size}`),
    adapter: join(folder, name),
  };
  return { name, task, ...(note === undefined ? {} : { note }) };
};

/** Weft and PEFT, on one thread and on all. PEFT writes the adapter that Weft reads. */
export const methodsBench = ({ folder, quick, python }: Setting): Bench => {
  if (python === undefined) throw new Error('PEFT writes the adapters of this bench: it needs a Python with PEFT');
  const size = (merging: Merging): Merging => (quick ? { ...merging, size: 256 } : merging);
  return {
    name: 'methods',
    title: 'Merging one weight of 4096 x 4096, method by method',
    cases: mergings.map((merging) => caseOf(folder, size(merging))),
    contenders: [
      ...weftContenders('methods/prepare.ts').filter(({ name }) => !name.includes('FMA')),
      ...pythonContenders('PEFT', inPython(python.command, 'methods')),
    ],
    rounds: 5,
    // engines compile while they run: merges of microseconds take many of them
    least: 100,
    limit: quick ? 60 : 90,
    budget: 4,
    versions: python.versions,
  };
};

/**
 * A model folder in words, and checkpoints without a config.json.
 */
import { E } from '../../fp.js';
import type { Checkpoint } from '../../io/checkpoint.js';
import type { OpenModel } from '../../io/model.js';
import { modelOf } from '../../models/registry.js';
import type { ModuleSpec } from '../../models/spec.js';
import type { Report } from '../command.js';
import { printable } from '../style.js';
import { facts } from '../table.js';
import { amountsOf, filesOf, showDtypes, showFiles, showParameters } from './tensors.js';

const countBy = (items: ReadonlyArray<string>): Readonly<Record<string, number>> => {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return Object.fromEntries([...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)));
};

const showCounts = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([kind, n]) => `${n} ${kind}`)
    .join(', ');

/** Modules that own parameters; containers are of no interest here. */
const owners = (modules: ReadonlyArray<ModuleSpec>): ReadonlyArray<ModuleSpec> =>
  modules.filter((m) => Object.keys(m.params).length > 0);

/** A model folder: type, class, parameters, dtypes, files, ties, module kinds, and whether Weft can run it. */
export const describeModel = (path: string, { checkpoint, spec }: OpenModel): Report => {
  const amounts = amountsOf(checkpoint.tensors.values());
  const kinds = countBy(owners(spec.modules).map((m) => m.kind));
  const inferred = spec.modules.some((m) => m.inferred === true);
  const runnable = E.isRight(modelOf(spec));
  return {
    json: {
      kind: 'model',
      path,
      modelType: spec.modelType ?? null,
      className: spec.className ?? null,
      ...amounts,
      files: filesOf(checkpoint),
      sharded: checkpoint.index !== undefined,
      ties: spec.ties,
      modules: kinds,
      inferred,
      forward: runnable,
    },
    lines: [
      `model ${printable(path)}`,
      ...facts([
        ['type', printable(spec.modelType ?? 'unknown')],
        ['class', spec.className === undefined ? undefined : printable(spec.className)],
        ['parameters', showParameters(amounts)],
        ['dtypes', showDtypes(amounts)],
        ['files', showFiles(checkpoint)],
        ['ties', spec.ties.length === 0 ? 'none' : spec.ties.map(([a, o]) => printable(`${a} = ${o}`)).join(', ')],
        ['modules', `${showCounts(kinds)}${inferred ? ' (kinds guessed from shapes)' : ''}`],
        ['forward', runnable ? 'yes' : 'not for this class; adapters can be applied'],
      ]),
    ],
  };
};

/** A checkpoint that is only tensors. */
export const describeCheckpoint = (path: string, checkpoint: Checkpoint): Report => {
  const amounts = amountsOf(checkpoint.tensors.values());
  const metadata = [...checkpoint.metadata];
  return {
    json: {
      kind: 'checkpoint',
      path,
      ...amounts,
      files: filesOf(checkpoint),
      sharded: checkpoint.index !== undefined,
      metadata: Object.fromEntries(metadata),
    },
    lines: [
      `checkpoint ${printable(path)}`,
      ...facts([
        ['parameters', showParameters(amounts)],
        ['dtypes', showDtypes(amounts)],
        ['files', showFiles(checkpoint)],
        ['metadata', metadata.length === 0 ? 'none' : printable(metadata.map(([k, v]) => `${k}=${v}`).join(', '))],
      ]),
    ],
  };
};

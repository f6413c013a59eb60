/**
 * `weft merge`: adapters into a base model, as a new model folder.
 */
import { mergeable } from '../../adapters/combine.js';
import { print } from '../../adapters/print.js';
import { E } from '../../fp.js';
import { filesBeside } from '../../io/merge/rest.js';
import { inLanes, mergeFolder } from '../../io/merge/folder.js';
import { planMerge } from '../../io/merge/plan.js';
import type { MergeOptions } from '../../io/merge/run.js';
import type { ModelFolder } from '../../io/merge/unmerge.js';
import { struct } from '../../models/config.js';
import type { Backend } from '../../ops/backend.js';
import { fail, type Result } from '../../problem.js';
import { adapterList } from '../adapter-options.js';
import type { AdapterList, LoadedAdapters } from '../adapters.js';
import { command, type Report } from '../command.js';
import { describePlan } from '../describe/plan.js';
import { backend, flag, text, unlessOff } from '../given.js';
import { measuredRows, startClock } from '../measure.js';
import { prepare } from '../prepare.js';
import { showBytes, showMany } from '../quantities.js';
import type { Session } from '../session.js';
import { startBackend } from '../start-backend.js';
import { printable } from '../style.js';
import { facts } from '../table.js';
import { withModel } from '../with-model.js';
import { workers } from '../workers.js';

interface Options {
  readonly base: string;
  readonly adapters: AdapterList;
  readonly out: string;
  readonly dryRun: boolean;
  readonly backend: Backend;
  readonly workers: number;
  readonly fma: boolean;
  readonly durable: boolean;
}

const dryRun = async ({ folder, model }: ModelFolder, loaded: LoadedAdapters, out: string): Promise<Result<Report>> => {
  const adapter = mergeable(loaded.adapter);
  if (E.isLeft(adapter)) return adapter;
  const plan = planMerge(model.checkpoint, adapter.right, model.spec);
  if (E.isLeft(plan)) return plan;
  const beside = await filesBeside(folder);
  if (E.isLeft(beside)) return beside;
  return E.right(describePlan({ plan: plan.right, model, beside: beside.right, loaded, out }));
};

const merged = async (
  base: ModelFolder,
  loaded: LoadedAdapters,
  { out, ...how }: Pick<Options, 'out' | 'fma' | 'durable'> & Pick<MergeOptions, 'lanes'>,
  session: Session,
) => {
  const adapter = mergeable(loaded.adapter);
  if (E.isLeft(adapter)) return adapter;
  const clock = startClock();
  let written = 0;
  const plan = await session.working('merging', (update) =>
    mergeFolder(base.model, base.folder, adapter.right, out, {
      ...how,
      onProgress: ({ doneBytes, totalBytes }) => {
        if (doneBytes === totalBytes) written = clock(totalBytes).seconds;
        update(doneBytes, totalBytes);
      },
    }),
  );
  if (E.isLeft(plan)) return plan;
  const { changed, changedBytes, totalBytes, files } = plan.right;
  const tensors = files.flatMap((f) => f.tensors);
  const added = tensors.filter((t) => !base.model.checkpoint.tensors.has(t.name)).length;
  const measured = clock(totalBytes);
  return E.right<never, Report>({
    json: {
      out,
      expression: print(loaded.adapter),
      changed: changed.length,
      added,
      tensors: tensors.length,
      changedBytes,
      totalBytes,
      // until the system had all bytes, and until the disk had them
      writtenSeconds: written,
      seconds: measured.seconds,
      bytesPerSecond: measured.bytesPerSecond,
      peakRssBytes: measured.peakRssBytes,
      warnings: loaded.warnings,
    },
    lines: [
      `merged ${printable(print(loaded.adapter))} into ${printable(out)}`,
      ...facts([
        ['tensors', `${changed.length} changed (${showBytes(changedBytes)} of ${showBytes(totalBytes)})`],
        ['added', added === 0 ? undefined : showMany(added, 'tensor')],
        ...measuredRows(measured),
      ]),
    ],
  });
};

const run = async (options: Options, session: Session): Promise<Result<Report>> =>
  // threads start while the model and the adapters are read
  inLanes(options.dryRun ? {} : options, async (lanes) => {
    const started = await startBackend(options.backend);
    if (E.isLeft(started)) return started;
    return withModel(options.base, async (base) => {
      const { ties } = base.model.spec;
      if (options.adapters.untie && ties.length === 0)
        return fail('weft merge: --untie', 'a base with tied parameters', 'none', 'Leave --untie out.');
      const loaded = await prepare(options.out, options.adapters, base.model.spec, session, { keep: 'file' });
      if (E.isLeft(loaded)) return loaded;
      const { out, fma, durable } = options;
      return options.dryRun
        ? dryRun(base, loaded.right, out)
        : merged(base, loaded.right, { out, fma, durable, ...lanes }, session);
    });
  });

/** Merges adapters into a base model. */
export const merge = command<Options>({
  decode: (given) =>
    struct<Pick<Options, keyof Options>>({
      base: text(given, 'base', 'the folder of the base model'),
      adapters: adapterList(given),
      out: text(given, 'out', 'a new or empty folder'),
      dryRun: E.right(flag(given, 'dry-run')),
      backend: backend(given),
      workers: workers(given),
      fma: E.right(flag(given, 'fma')),
      durable: E.right(unlessOff(given, 'sync')),
    }),
  run,
});

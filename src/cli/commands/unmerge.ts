/**
 * `weft unmerge`: an adapter out of a merged model, bit for bit where the base is at hand.
 */
import { invertible, isAdditive, mergeable } from '../../adapters/combine.js';
import { print } from '../../adapters/print.js';
import { E } from '../../fp.js';
import { restoreFolder, subtractFolder, type ModelFolder } from '../../io/merge/unmerge.js';
import { struct } from '../../models/config.js';
import type { Backend } from '../../ops/backend.js';
import type { Problems, Result } from '../../problem.js';
import { adapterList } from '../adapter-options.js';
import type { AdapterList } from '../adapters.js';
import { command, type Report } from '../command.js';
import { backend, optionalText, text } from '../given.js';
import { measuredRows, startClock } from '../measure.js';
import { prepare } from '../prepare.js';
import { showBytes } from '../quantities.js';
import type { Session } from '../session.js';
import { startBackend } from '../start-backend.js';
import { printable } from '../style.js';
import { facts } from '../table.js';
import { withModel } from '../with-model.js';
import { workers } from '../workers.js';

interface Options {
  readonly merged: string;
  readonly adapters: AdapterList;
  readonly base: string | undefined;
  readonly out: string;
  readonly backend: Backend;
  readonly workers: number;
}

const needsBase = (problems: Problems): Problems => {
  const [first, ...rest] = problems.map((p) => ({
    ...p,
    hint: 'It has no inverse: give the base model with --base.',
  }));
  return [first as Problems[number], ...rest];
};

const restore = async (
  merged: ModelFolder,
  base: ModelFolder,
  options: Options,
  session: Session,
): Promise<Result<Report>> => {
  const loaded = await prepare(options.out, options.adapters, base.model.spec, session);
  if (E.isLeft(loaded)) return loaded;
  const adapter = mergeable(loaded.right.adapter);
  if (E.isLeft(adapter)) return adapter;
  const clock = startClock();
  const done = await session.working('unmerging', (update) =>
    restoreFolder(merged, base, adapter.right, options.out, { onProgress: (p) => update(p.doneBytes, p.totalBytes) }),
  );
  if (E.isLeft(done)) return done;
  const { plan, distances } = done.right;
  const ulps = Math.max(0, ...distances.map((d) => d.ulps));
  const measured = clock(plan.totalBytes);
  return E.right({
    json: {
      out: options.out,
      exact: true,
      expression: print(adapter.right),
      restored: plan.restored,
      restoredBytes: plan.restoredBytes,
      mergeUlps: ulps,
      distances,
      ...measured,
      warnings: loaded.right.warnings,
    },
    lines: [
      `took ${printable(print(adapter.right))} out of ${printable(options.merged)}, bit for bit`,
      ...facts([
        ['restored', `${plan.restored.length} tensors (${showBytes(plan.restoredBytes)}) with the base's own bytes`],
        ['checked', `the merged tensors equal apply(adapter, base)${ulps === 0 ? '' : ` within ${ulps} ulp`}`],
        ...measuredRows(measured),
      ]),
    ],
  });
};

const subtract = async (merged: ModelFolder, options: Options, session: Session): Promise<Result<Report>> => {
  const loaded = await prepare(options.out, options.adapters, merged.model.spec, session, { keep: 'file' });
  if (E.isLeft(loaded)) return loaded;
  const adapter = E.mapLeft(needsBase)(invertible(loaded.right.adapter));
  if (E.isLeft(adapter)) return adapter;
  session.note(
    `without --base the adapter is ${isAdditive(adapter.right) ? 'subtracted' : 'inverted'}, as PEFT does: the result is within rounding of the base, not equal to it`,
  );
  const clock = startClock();
  const plan = await session.working('unmerging', (update) =>
    subtractFolder(merged, adapter.right, options.out, {
      workers: options.workers,
      onProgress: (p) => update(p.doneBytes, p.totalBytes),
    }),
  );
  if (E.isLeft(plan)) return plan;
  const measured = clock(plan.right.totalBytes);
  return E.right({
    json: {
      out: options.out,
      exact: false,
      expression: print(adapter.right),
      restored: plan.right.changed,
      restoredBytes: plan.right.changedBytes,
      ...measured,
      warnings: loaded.right.warnings,
    },
    lines: [
      isAdditive(adapter.right)
        ? `subtracted ${printable(print(adapter.right))} from ${printable(options.merged)}`
        : `took ${printable(print(adapter.right))} out of ${printable(options.merged)} by its inverse`,
      ...facts([
        ['restored', `${plan.right.changed.length} tensors (${showBytes(plan.right.changedBytes)}) within rounding`],
        ...measuredRows(measured),
      ]),
    ],
  });
};

const run = async (options: Options, session: Session): Promise<Result<Report>> => {
  const started = await startBackend(options.backend);
  if (E.isLeft(started)) return started;
  return withModel(options.merged, (merged) =>
    options.base === undefined
      ? subtract(merged, options, session)
      : withModel(options.base, (base) => restore(merged, base, options, session)),
  );
};

/** Takes an adapter out of a merged model. */
export const unmerge = command<Options>({
  decode: (given) =>
    struct<Pick<Options, keyof Options>>({
      merged: text(given, 'merged', 'the folder of the merged model'),
      adapters: adapterList(given),
      base: optionalText(given, 'base'),
      out: text(given, 'out', 'a new or empty folder'),
      backend: backend(given),
      workers: workers(given),
    }),
  run,
});

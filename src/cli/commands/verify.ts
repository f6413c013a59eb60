/**
 * `weft verify`: the laws of adapters on this adapter and this base.
 */
import { print } from '../../adapters/print.js';
import { E } from '../../fp.js';
import { struct } from '../../models/config.js';
import { untie } from '../../models/spec-of.js';
import type { Backend } from '../../ops/backend.js';
import type { Result } from '../../problem.js';
import { adapterList } from '../adapter-options.js';
import { loadAdapters, type AdapterList } from '../adapters.js';
import { command, type Report } from '../command.js';
import { backend, text } from '../given.js';
import type { Session } from '../session.js';
import { startBackend } from '../start-backend.js';
import { printable } from '../style.js';
import { checkLaws } from '../verify/check.js';
import { errorsOf, rowsOf, summaryLines } from '../verify/summary.js';
import { withModel } from '../with-model.js';

interface Options {
  readonly base: string;
  readonly adapters: AdapterList;
  readonly backend: Backend;
}

const run = async (options: Options, session: Session): Promise<Result<Report>> => {
  const started = await startBackend(options.backend);
  if (E.isLeft(started)) return started;
  return withModel(options.base, async ({ model }) => {
    const loaded = await loadAdapters(options.adapters, model.spec);
    if (E.isLeft(loaded)) return loaded;
    const { adapter, warnings } = loaded.right;
    warnings.forEach(session.warn);
    const tree = options.adapters.untie ? untie(model.spec) : model.spec;
    const checks = await session.counting('checking laws', 'groups of modules', (count) =>
      checkLaws(adapter, model, tree, count),
    );
    if (E.isLeft(checks)) return checks;
    const rows = rowsOf(checks.right);
    const broken = rows.filter((row) => row.result === 'broken');
    const verdict = broken.length === 0 ? 'every law holds' : `${broken.length} of ${rows.length} laws are broken`;
    return E.right({
      json: {
        expression: print(adapter),
        algebra: adapter.algebra,
        holds: broken.length === 0,
        laws: rows,
        errors: errorsOf(checks.right),
        warnings,
      },
      lines: [
        `laws of ${printable(print(adapter))} on ${printable(options.base)}`,
        ...summaryLines(checks.right, session.style),
        broken.length === 0 ? session.style.good(verdict) : session.style.bad(verdict),
      ],
      broken: broken.length > 0,
    });
  });
};

/** Checks the laws of adapters on an adapter and its base. */
export const verify = command<Options>({
  decode: (given) =>
    struct<{ base: string; adapters: AdapterList; backend: Backend }>({
      base: text(given, 'base', 'the folder of the base model'),
      adapters: adapterList(given),
      backend: backend(given),
    }),
  run,
});

/**
 * `weft convert`: adapters as one LoRA adapter, with what that loses.
 */
import type { Adapter, Leaf } from '../../adapters/adapter.js';
import { isAdditive } from '../../adapters/combine.js';
import { sourceOf, touchedKeys } from '../../adapters/compile.js';
import type { Keep } from '../../adapters/low-rank-of.js';
import { hasResidual, plainLora } from '../../adapters/plain-lora.js';
import { countTrainable, print } from '../../adapters/print.js';
import { toLora, type Converted } from '../../adapters/to-lora.js';
import { E } from '../../fp.js';
import { readWeights } from '../../io/model.js';
import { saveAdapter } from '../../io/peft.js';
import type { ModelFolder } from '../../io/merge/unmerge.js';
import { struct } from '../../models/config.js';
import { ownerOf } from '../../models/spec.js';
import type { Backend } from '../../ops/backend.js';
import { recordOf, type Weights } from '../../ops/tensor.js';
import { fail, type Result } from '../../problem.js';
import { adapterList } from '../adapter-options.js';
import type { AdapterList, LoadedAdapters } from '../adapters.js';
import { command, type Report } from '../command.js';
import { backend, optionalNumber, text, type Given } from '../given.js';
import { prepare } from '../prepare.js';
import { showCount, showMany } from '../quantities.js';
import type { Session } from '../session.js';
import { startBackend } from '../start-backend.js';
import { printable } from '../style.js';
import { facts, table } from '../table.js';
import { withModel } from '../with-model.js';

interface Options {
  readonly base: string;
  readonly adapters: AdapterList;
  readonly out: string;
  /** Nothing where what a residual base is made of tells the rank. */
  readonly keep: Keep | undefined;
  readonly backend: Backend;
}

/** The weights that an adapter's changes depend on; none for additive ones. */
const weightsFor = async (adapter: Adapter, { model }: ModelFolder): Promise<Result<Weights>> => {
  if (isAdditive(adapter)) return E.right({});
  const keys = [...touchedKeys(adapter, 'attached')];
  const owned = keys.map((key) => [key, ownerOf(model.spec, sourceOf(adapter, key) ?? key)] as const);
  return E.map((weights: Weights) =>
    // an alias of a tied parameter has its owner's values
    recordOf([
      ...Object.entries(weights),
      ...owned.flatMap(([key, owner]) => (weights[owner] === undefined ? [] : [[key, weights[owner]] as const])),
    ]),
  )(await readWeights(model, new Set(owned.map(([, owner]) => owner))));
};

const converted = async ({ adapter, leaves }: LoadedAdapters, keep: Keep | undefined, base: ModelFolder) => {
  const [only] = leaves;
  if (keep === undefined && (leaves.length !== 1 || only === undefined || adapter !== only || !hasResidual(only)))
    return fail(
      'weft convert',
      '--rank or --energy',
      'neither',
      'Only PiSSA, OLoRA and KaSA adapters have a rank of their own on the base: twice theirs.',
    );
  const weights = await weightsFor(adapter, base);
  if (E.isLeft(weights)) return weights;
  return keep === undefined
    ? E.map((plain: Leaf): Converted => ({ adapter: plain, errors: [] }))(plainLora(only as Leaf, weights.right))
    : toLora(adapter, keep, weights.right);
};

const shown = (x: number): string => x.toExponential(2);

const report = (from: Adapter, out: string, { adapter, errors }: Converted, loaded: LoadedAdapters): Report => {
  const worst = Math.max(0, ...errors.map((e) => e.relative));
  const ranks = errors.map((e) => e.rank);
  return {
    json: {
      out,
      expression: print(from),
      exact: errors.length === 0,
      parameters: countTrainable(adapter),
      largestRelativeError: worst,
      modules: errors,
      warnings: loaded.warnings,
    },
    lines: [
      `converted ${printable(print(from))} to ${printable(print(adapter))} in ${printable(out)}`,
      ...facts([
        ['parameters', showCount(countTrainable(adapter))],
        ['modules', errors.length === 0 ? undefined : showMany(errors.length, 'module')],
        ['ranks', errors.length === 0 ? undefined : `${Math.min(...ranks)} to ${Math.max(...ranks)}`],
        ['error', errors.length === 0 ? 'none but rounding' : `at most ${shown(worst)} of a change`],
      ]),
      ...table(
        errors
          .toSorted((a, b) => b.relative - a.relative)
          .map((e) => [`  ${printable(e.module)}`, `rank ${e.rank}`, `error ${shown(e.error)}`, `of ${shown(e.norm)}`]),
      ),
    ],
  };
};

const run = async (options: Options, session: Session): Promise<Result<Report>> => {
  const started = await startBackend(options.backend);
  if (E.isLeft(started)) return started;
  return withModel(options.base, async (base) => {
    const loaded = await prepare(options.out, options.adapters, base.model.spec, session);
    if (E.isLeft(loaded)) return loaded;
    const made = await converted(loaded.right, options.keep, base);
    if (E.isLeft(made)) return made;
    const saved = await saveAdapter(options.out, made.right.adapter);
    return E.map(() => report(loaded.right.adapter, options.out, made.right, loaded.right))(saved);
  });
};

/** One of --rank and --energy, or neither. */
const keepOf = (given: Given): Result<Keep | undefined> =>
  E.chain(({ rank, energy }: { readonly rank: number | undefined; readonly energy: number | undefined }) => {
    const at = `weft ${given.command}`;
    if (rank !== undefined && energy !== undefined) return fail(at, 'one of --rank and --energy', 'both');
    if (rank !== undefined)
      return Number.isInteger(rank) && rank > 0
        ? E.right<never, Keep>({ rank })
        : fail(`${at}: --rank`, 'an integer greater than 0', String(rank));
    if (energy === undefined) return E.right(undefined);
    return energy > 0 && energy <= 1
      ? E.right<never, Keep>({ energy })
      : fail(`${at}: --energy`, 'a share in (0, 1]', String(energy));
  })(
    struct<{ rank: number | undefined; energy: number | undefined }>({
      rank: optionalNumber(given, 'rank'),
      energy: optionalNumber(given, 'energy'),
    }),
  );

/** Converts adapters to LoRA. */
export const convert = command<Options>({
  decode: (given) =>
    struct<{ base: string; adapters: AdapterList; out: string; keep: Keep | undefined; backend: Backend }>({
      base: text(given, 'base', 'the folder of the base model'),
      adapters: adapterList(given),
      out: text(given, 'out', 'a new or empty folder'),
      keep: keepOf(given),
      backend: backend(given),
    }),
  run,
});

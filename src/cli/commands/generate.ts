/**
 * `weft generate`: a language model continues token ids, or an encoder-decoder answers them.
 */
import type { Adapter } from '../../adapters/adapter.js';
import { attach } from '../../adapters/apply.js';
import { specAfter } from '../../adapters/compile.js';
import type { Routing } from '../../adapters/method.js';
import { print } from '../../adapters/print.js';
import { E } from '../../fp.js';
import type { ModelFolder } from '../../io/merge/unmerge.js';
import { readWeights } from '../../io/model.js';
import { struct } from '../../models/config.js';
import { beginOf } from '../../models/continuation.js';
import { generate as generateTokens } from '../../models/generate.js';
import { anyModelOf } from '../../models/registry.js';
import { filterProblems, type Filters, type Sampling } from '../../models/sampling.js';
import { dispose, type Backend } from '../../ops/backend.js';
import { key } from '../../ops/random.js';
import { all, orProblems, type Result } from '../../problem.js';
import { optionalAdapterList } from '../adapter-options.js';
import { loadAdapters, type AdapterList, type LoadedAdapters } from '../adapters.js';
import { command, type Report } from '../command.js';
import { backend, integer, naturals, optionalNaturals, optionalNumber, text, type Given } from '../given.js';
import { startClock } from '../measure.js';
import { showBytes, showDuration, showMany } from '../quantities.js';
import { givenTask, routingFor } from '../routing.js';
import type { Session } from '../session.js';
import { startBackend } from '../start-backend.js';
import { printable } from '../style.js';
import { facts } from '../table.js';
import { checkIds } from '../token-ids.js';
import { withModel } from '../with-model.js';

/** How tokens are chosen: sampled when any of the options for it is there. */
interface Choice {
  readonly filters: Filters;
  readonly seed: number;
}

interface Options {
  readonly base: string;
  readonly adapters: AdapterList;
  readonly ids: ReadonlyArray<number>;
  readonly task: number | undefined;
  readonly maxNewTokens: number;
  readonly choice: Choice | undefined;
  /** `undefined` for what config.json says. */
  readonly ends: ReadonlyArray<number> | undefined;
  readonly backend: Backend;
}

const NAME = 'generate';

const kebab = (name: string): string => name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);

const choiceOf = (given: Given): Result<Choice | undefined> => {
  const parts = struct<{
    temperature: number | undefined;
    topK: number | undefined;
    topP: number | undefined;
    seed: number;
  }>({
    temperature: optionalNumber(given, 'temperature'),
    topK: optionalNumber(given, 'top-k'),
    topP: optionalNumber(given, 'top-p'),
    seed: integer(given, 'seed', [0], 0),
  });
  const sampled = ['temperature', 'top-k', 'top-p', 'seed'].some((name) => given.options.has(name));
  return E.chain(({ seed, ...filters }: { readonly seed: number } & Filters) =>
    orProblems(
      filterProblems('', filters).map((p) => ({ ...p, at: `weft ${NAME}: --${kebab(p.at)}` })),
      () => (sampled ? { filters, seed } : undefined),
    ),
  )(parts);
};

/** The end tokens of config.json: one, several, or none. */
const endsOf = (config: Readonly<Record<string, unknown>>): ReadonlyArray<number> =>
  [config['eos_token_id']].flat().filter((id): id is number => Number.isSafeInteger(id));

const samplingOf = (choice: Choice | undefined): Sampling | undefined =>
  choice === undefined ? undefined : { ...choice.filters, key: key(choice.seed) };

const compute = async (base: ModelFolder, adapter: Adapter, routing: Routing, options: Options, session: Session) => {
  const begin = E.chain(beginOf)(anyModelOf(specAfter(adapter, base.model.spec)));
  if (E.isLeft(begin)) return begin;
  const weights = await readWeights(base.model);
  if (E.isLeft(weights)) return weights;
  const attached = attach(adapter, weights.right, routing);
  const { model, prompts, dispose: disposeText } = begin.right(attached, [options.ids]);
  try {
    return await session.counting('generating', 'tokens', (count) => {
      let tokens = 0;
      return generateTokens(model, attached, prompts, {
        maxNewTokens: options.maxNewTokens,
        sampling: samplingOf(options.choice),
        eosTokenId: options.ends ?? endsOf(base.model.spec.config),
        onToken: () => count(++tokens, options.maxNewTokens),
      });
    });
  } finally {
    disposeText();
    dispose(weights.right);
  }
};

const run = async (options: Options, session: Session): Promise<Result<Report>> => {
  const started = await startBackend(options.backend);
  if (E.isLeft(started)) return started;
  return withModel(options.base, async (base) => {
    const loaded = await loadAdapters(options.adapters, base.model.spec);
    const routing = E.chain(({ leaves }: LoadedAdapters) => routingFor(NAME, leaves, options.task, [options.ids]))(
      loaded,
    );
    const ready = all<unknown>([
      E.isLeft(loaded) ? loaded : routing,
      checkIds(`weft ${NAME}: --input-ids`, options.ids, base.model.spec),
    ]);
    if (E.isLeft(ready)) return ready;
    if (E.isLeft(loaded)) return loaded;
    if (E.isLeft(routing)) return routing;
    loaded.right.warnings.forEach(session.warn);
    const { adapter, warnings } = loaded.right;
    const clock = startClock();
    const generated = await compute(base, adapter, routing.right, options, session);
    if (E.isLeft(generated)) return generated;
    const tokens = generated.right[0] ?? [];
    const { seconds, peakRssBytes } = clock(0);
    const { choice } = options;
    return E.right({
      data: tokens.join(','),
      json: {
        tokens,
        expression: print(adapter),
        sampling: choice === undefined ? null : { ...choice.filters, seed: choice.seed },
        seconds,
        peakRssBytes,
        warnings,
      },
      lines: [
        `generated ${showMany(tokens.length, 'token')}`,
        ...facts([
          ['adapter', `${printable(print(adapter))}, attached`],
          ['chosen', choice === undefined ? 'the most probable' : `at random, seed ${choice.seed}`],
          ['time', showDuration(seconds * 1000)],
          ['peak memory', showBytes(peakRssBytes)],
        ]),
      ],
    });
  });
};

/** Continues token ids. */
export const generate = command<Options>({
  decode: (given) =>
    struct<{ [K in keyof Options]: Options[K] }>({
      base: text(given, 'base', 'the folder of the base model'),
      adapters: optionalAdapterList(given),
      ids: naturals(given, 'input-ids', 'token ids, separated by commas'),
      task: givenTask(given),
      maxNewTokens: integer(given, 'max-new-tokens', [1], 20),
      choice: choiceOf(given),
      ends: optionalNaturals(given, 'eos-token-id'),
      backend: backend(given),
    }),
  run,
});

/**
 * Forward passes of mixtures whose gates come from the model itself: one pass for the hidden states, one with the gates.
 */
import { isAttached, updateOf, type Attached, type ModelWeights } from '../adapters/attached.js';
import { routerKey, type Router } from '../adapters/branch.js';
import { sequence, type WeightUpdate } from '../adapters/update.js';
import { unrecorded } from '../ops/tape.js';
import { recordOf } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import type { AnyModel } from './any-model.js';
import type { Cache } from './cache.js';
import { firstGates, gatesOf, type Gates } from './layers/gates.js';
import { languageModel, type Inputs, type LanguageModel, type LanguageModelParts, type States } from './model.js';

const routerIn = (p: ModelWeights): Router | undefined => {
  const update = updateOf(p, routerKey);
  if (update === undefined) return undefined;
  if (update._tag === 'Branch' && update.kind === 'Router') return update;
  throw new TypeError('a model takes one router: two mixtures cannot be composed, because each numbers its own layers');
};

/** An update with the gates of its layer, or nothing where these are closed and nothing else is left of it. */
const gatedUpdate = (update: WeightUpdate, gates: Gates | undefined): WeightUpdate | undefined => {
  if (update._tag === 'Sequence') {
    const rest = update.updates.flatMap((u) => gatedUpdate(u, gates) ?? []);
    return rest.length === 0 ? undefined : sequence(rest);
  }
  if (update._tag !== 'Branch' || update.kind !== 'Gated') return update;
  return gates === undefined ? undefined : { ...update, gates: gates(update.layer) };
};

/** Weights whose gated layers have their gates. */
const withGates = (p: Attached, gates: Gates | undefined): Attached => ({
  ...p,
  updates: recordOf(
    Object.entries(p.updates).flatMap(([key, update]) => {
      const now = gatedUpdate(update, gates);
      return now === undefined ? [] : [[key, now] as const];
    }),
  ),
});

/** The pasts of both passes: those of an earlier run side by side, or one for both (a prefix). */
const pastsOf = (
  past: Cache | undefined,
  layers: number,
): readonly [first: Cache | undefined, second: Cache | undefined] =>
  past === undefined || past.length !== 2 * layers ? [past, past] : [past.slice(layers), past.slice(0, layers)];

const routed = (model: LanguageModelParts, p: Attached, router: Router, inputs: Inputs): States => {
  const { layers } = model.geometry;
  const [forFirst, forSecond] = pastsOf(inputs.past, layers);
  // constants for every gradient, as in the paper's code, so that nothing of this pass is kept
  const first = unrecorded(() =>
    tf.tidy(() => {
      const { hidden, cache } = model.states(withGates(p, firstGates(router)), {
        ...inputs,
        past: forFirst,
        logitsToKeep: undefined,
      });
      return { hidden, cache: cache.map(({ k, v }) => ({ k, v })) };
    }),
  );
  const second = model.states(withGates(p, gatesOf(router, first.hidden)), { ...inputs, past: forSecond });
  return { ...second, cache: [...second.cache, ...first.cache] };
};

const decoder = (model: LanguageModel): LanguageModel =>
  languageModel({
    ...model,
    states: (p, inputs) => {
      const router = routerIn(p);
      return router === undefined || !isAttached(p) ? model.states(p, inputs) : routed(model, p, router, inputs);
    },
  });

/** A function of weights that takes none with a router. */
const unrouted =
  <Rest extends ReadonlyArray<unknown>, A>(f: (p: ModelWeights, ...rest: Rest) => A) =>
  (p: ModelWeights, ...rest: Rest): A => {
    if (routerIn(p) !== undefined)
      throw new TypeError('mixtures of adapters (X-LoRA) run in decoders, whose tokens have one hidden state each');
    return f(p, ...rest);
  };

/**
 * A model that finds the gates beside its weights in a pass of its own (X-LoRA).
 *
 * What a token is mixed of depends on the tokens before it alone, so both passes can be continued: the cache has the second
 * pass's layers and then the first's. A past of one layer each, a prefix, is seen by both.
 */
export const withRouter = (any: AnyModel): AnyModel => {
  switch (any._tag) {
    case 'Decoder':
      return { _tag: any._tag, model: decoder(any.model) };
    case 'Encoder':
      return { _tag: any._tag, model: { ...any.model, run: unrouted(any.model.run) } };
    case 'EncoderDecoder':
      return { _tag: any._tag, model: { ...any.model, encode: unrouted(any.model.encode) } };
    case 'Image':
      return { _tag: any._tag, model: { ...any.model, run: unrouted(any.model.run) } };
  }
};

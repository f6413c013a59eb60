/**
 * EVA's distribution of ranks: directions are gathered until those that are needed have settled.
 */
import { E } from '../../fp.js';
import type { Matrix } from '../../ops/linalg/index.js';
import { fail, type Result } from '../../problem.js';
import { cosines, withBatch, type Components } from './incremental-pca.js';

/** A layer, the rank that it brings, and its inputs. */
export interface EvaLayer {
  readonly module: string;
  readonly r: number;
  /** The layer whose directions it shares because its inputs are the same; itself where there is none. */
  readonly leader: string;
  /** How many directions are looked at. */
  readonly components: number;
  readonly batches: ReadonlyArray<Matrix>;
}

/** A layer's directions so far, and which of them the last batch left where they were. */
interface State {
  readonly found: Components | undefined;
  readonly settled: ReadonlyArray<boolean>;
}

/** Ranks by module name, and the directions of each module. */
export interface RankedComponents {
  readonly ranks: ReadonlyMap<string, number>;
  readonly components: ReadonlyMap<string, Components>;
}

/** How often the batches are gone through before directions count as restless. */
const MOST_PASSES = 50;

/** The directions with the largest shares of variance over all layers, one rank each, as many as the layers bring together. */
const distribution = (layers: ReadonlyArray<EvaLayer>, states: ReadonlyMap<string, State>): Map<string, number> => {
  const leaders = layers.filter((l) => l.leader === l.module);
  const followers = layers.filter((l) => l.leader !== l.module);
  const shares = [...leaders, ...followers].flatMap(({ module, leader, components }) =>
    Array.from(states.get(leader)?.found?.explained.slice(0, components) ?? [], (share) => ({ module, share })),
  );
  const budget = layers.reduce((n, l) => n + l.r, 0);
  const ranks = new Map([...leaders, ...followers].map(({ module }) => [module, 0]));
  for (const { module } of shares.toSorted((a, b) => b.share - a.share).slice(0, budget))
    ranks.set(module, (ranks.get(module) ?? 0) + 1);
  // a leader has at least the rank of those that share its directions
  for (const { module, leader } of followers) {
    const [own, first] = [ranks.get(module) ?? 0, ranks.get(leader) ?? 0];
    if (first < own) ranks.set(leader, own).set(module, first);
  }
  return ranks;
};

const isSettled = ({ settled }: State, rank: number): boolean => settled.slice(0, rank).every((s) => s);

const next = async (layer: EvaLayer, state: State, i: number, tau: number): Promise<State> => {
  const X = layer.batches[i % layer.batches.length] as Matrix;
  if (X.rows < layer.components) return state;
  const found = await withBatch(state.found, X, layer.components);
  const before = state.found?.directions;
  return before === undefined
    ? { ...state, found }
    : { found, settled: Array.from(cosines(found.directions, before), (c) => c >= tau) };
};

/**
 * Goes through the batches until the directions that the ranks need have settled.
 *
 * Problem: directions that still turn after many passes.
 *
 * @param tau the cosine to the direction after the batch before from which one counts as settled
 */
export const settledRanks = async (layers: ReadonlyArray<EvaLayer>, tau: number): Promise<Result<RankedComponents>> => {
  const leaders = layers.filter((l) => l.leader === l.module);
  const states = new Map<string, State>(
    leaders.map((l) => [l.module, { found: undefined, settled: Array<boolean>(l.components).fill(false) }]),
  );
  let ranks = new Map(layers.map((l) => [l.module, l.components]));
  const most = MOST_PASSES * Math.max(1, ...layers.map((l) => l.batches.length));
  for (let i = 0; i < most; i++) {
    const restless = leaders.filter((l) => !isSettled(states.get(l.module) as State, ranks.get(l.module) ?? 0));
    if (restless.length === 0) {
      const components = layers.flatMap(({ module, leader }) => {
        const found = states.get(leader)?.found;
        return found === undefined ? [] : [[module, found] as const];
      });
      return E.right({ ranks, components: new Map(components) });
    }
    for (const layer of restless)
      states.set(layer.module, await next(layer, states.get(layer.module) as State, i, tau));
    if (leaders.every((l) => states.get(l.module)?.found !== undefined)) ranks = distribution(layers, states);
  }
  return fail(
    'activations',
    `directions that settle up to a cosine of ${tau}`,
    `some that still turn after ${MOST_PASSES} passes`,
    'Give more or larger batches, or lower tau.',
  );
};

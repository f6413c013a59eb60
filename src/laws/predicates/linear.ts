/**
 * Additive adapters as a module over the reals.
 */
import { sameAdapter, type Adapter } from '../../adapters/adapter.js';
import { touchedKeys, updateAt } from '../../adapters/compile.js';
import { applyUpdate } from '../../adapters/updates/apply.js';
import { lookup, recordOf, type Weights } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { uniformValues } from '../../ops/random.js';
import { snapshot, within, type Bound } from '../compare.js';
import { additiveAt, law, type Subject } from '../law.js';
import { magnitudeOf, roundingsOf } from '../magnitude.js';
import { expect, together } from '../verdict.js';

/** |w| + sum |s| |B| |A| and roundings over several adapters; each key of the weights has its own. */
const boundOf = async (adapters: ReadonlyArray<Adapter>, weights: Weights, factor = 1): Promise<Bound> => {
  const keys = [...new Set(adapters.flatMap((a) => [...touchedKeys(a)]))];
  const updatesAt = (key: string) => adapters.flatMap((a) => updateAt(a, key) ?? []);
  const magnitudes = await snapshot(
    recordOf(
      keys.flatMap((key) => {
        const W = lookup(weights, key);
        return W === undefined ? [] : [[key, updatesAt(key).reduce((M, u) => magnitudeOf(u, M), tf.abs(W))] as const];
      }),
    ),
  );
  const roundings = keys.map((key) =>
    updatesAt(key).reduce((n, u) => n + roundingsOf(u, weights[key]?.shape ?? []), 0),
  );
  return {
    ulps: 2 * Math.max(0, ...roundings),
    of: (key, i) => factor * (lookup(magnitudes, key)?.values[i] ?? 0),
  };
};

/** Sums commute up to rounding. */
export const sumLaw = law(
  'sum',
  'apply(sum(a, b), w) = apply(sum(b, a), w) = w + (apply(a, w) - w) + (apply(b, w) - w), up to rounding',
  { atMost: 'additive', arity: 2 },
  async (s) => {
    const { apply, sum } = s.operations;
    const [a, b] = [additiveAt(s, 0), additiveAt(s, 1)];
    const bound = await boundOf([a, b], s.weights);
    const forth = await snapshot(apply(sum(a, b), s.weights));
    const back = await snapshot(apply(sum(b, a), s.weights));
    const apart = await snapshot(apply(b, apply(a, s.weights)));
    return together([within(forth, back, bound), within(forth, apart, bound)]);
  },
);

/** W + c D with D = a's change of nothing. */
const scaledByHand = (s: Subject, c: number): Weights => {
  const a = additiveAt(s, 0);
  return recordOf(
    Object.entries(s.weights).map(([key, W]) => {
      const update = updateAt(a, key);
      return [key, update === undefined ? W : tf.add(W, tf.mul(applyUpdate(update, tf.zerosLike(W)), c))] as const;
    }),
  );
};

/** A factor in [-2, 2] with few bits, from the subject's key. */
const factorOf = (s: Subject): number => {
  const c = Math.round(((uniformValues(s.key, 1)[0] as number) * 4 - 2) * 8) / 8;
  return c === 0 || c === 1 ? -1.375 : c;
};

/** Scaling is linear. */
export const scaleLaw = law(
  'scale',
  'apply(scale(c, a), w) = w + c (apply(a, w) - w), scale(b, scale(c, a)) = scale(b c, a), scale(p, a) + scale(q, a) = scale(p + q, a)',
  { atMost: 'additive' },
  async (s) => {
    const { apply, scale, sum } = s.operations;
    const [a, c] = [additiveAt(s, 0), factorOf(s)];
    const bound = await boundOf([a, a], s.weights, Math.max(1, Math.abs(c), Math.abs(c - 0.5)));
    const scaled = await snapshot(apply(scale(c, a), s.weights));
    const split = await snapshot(apply(sum(scale(0.5, a), scale(c - 0.5, a)), s.weights));
    return together([
      within(scaled, await snapshot(scaledByHand(s, c)), bound),
      within(scaled, split, bound),
      expect(
        sameAdapter(scale(2, scale(c, a)), scale(2 * c, a)),
        `expected scale(2, scale(${c}, a)) = scale(${2 * c}, a)`,
      ),
    ]);
  },
);

/** Nothing and all of an adapter. */
export const scaleEndsLaw = law(
  'scale by 0 and 1',
  'scale(0, a) = identity, scale(1, a) = a',
  { atMost: 'additive' },
  async (s) => {
    const { apply, scale, identity } = s.operations;
    const a = additiveAt(s, 0);
    const none = apply(scale(0, a), s.weights);
    return together([
      ...Object.keys(s.weights).map((key) =>
        expect(lookup(none, key) === s.weights[key], 'expected scale(0, a) to keep the reference', key),
      ),
      expect(sameAdapter(scale(0, a), identity), 'expected scale(0, a) = identity'),
      expect(sameAdapter(scale(1, a), a), 'expected scale(1, a) = a'),
    ]);
  },
);

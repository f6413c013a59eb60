/**
 * Taking an adapter back.
 */
import { sameAdapter } from '../../adapters/adapter.js';
import { recordOf } from '../../ops/tensor.js';
import { changesAt, startOf } from '../base.js';
import { sameBits, snapshot, within, type Bound } from '../compare.js';
import { additiveAt, law, mergeableAt, type Subject } from '../law.js';
import { changesOf, partialSums } from '../magnitude.js';
import { expect, together } from '../verdict.js';

/** With the base at hand nothing is computed, so nothing is rounded. */
export const unapplyLaw = law(
  'unapply',
  'unapply(a, apply(a, w), w) = w, bit for bit',
  { atMost: 'dependent' },
  async (s) => {
    const a = mergeableAt(s, 0);
    const back = s.operations.unapply(a, s.operations.apply(a, s.weights), s.weights);
    return together([
      sameBits(await snapshot(back), await snapshot(s.weights)),
      ...Object.keys(s.weights).map((key) => expect(back[key] === s.weights[key], 'expected the same reference', key)),
    ]);
  },
);

/**
 * The bound of subtraction. Each of the n changes is added and subtracted, so an element is rounded 2 n times, each time
 * by at most half a unit in the last place of a partial sum, and no partial sum exceeds |w| + sum |d_j| by more than
 * those roundings themselves: together n units of it.
 */
const subtractionBound = async (s: Subject): Promise<Bound> => {
  const changes = changesAt(additiveAt(s, 0), s.weights);
  const sums = await snapshot(recordOf(changes.map(({ key, W, update }) => [key, partialSums(update, W)])));
  return {
    ulps: Math.max(0, ...changes.map(({ update }) => changesOf(update))),
    of: (key, i) => (sums[key]?.values[i] ?? 0) * (1 + 2 ** -20),
  };
};

/** Without the base, an additive adapter is subtracted, which rounds. */
export const subtractLaw = law(
  'unapply by subtraction',
  '|unapply(a, apply(a, w)) - w| <= n ulp(|w| + sum |d_j|) for n changes',
  { atMost: 'additive' },
  async (s) => {
    const a = additiveAt(s, 0);
    const back = s.operations.subtract(a, s.operations.apply(a, s.weights));
    return within(await snapshot(back), await snapshot(startOf(a, s.weights)), await subtractionBound(s));
  },
);

/** The inverse takes the adapter back, and is an involution that turns the order of a composition around. */
export const inverseLaw = law(
  'inverse',
  'apply(inverse(a), apply(a, w)) = w up to n ulps; inverse(inverse(a)) = a; inverse(a . b) = inverse(b) . inverse(a)',
  { atMost: 'additive', arity: 2 },
  async (s) => {
    const { inverse, compose, apply } = s.operations;
    const [a, b] = [additiveAt(s, 0), additiveAt(s, 1)];
    const back = apply(inverse(a), apply(a, s.weights));
    const ab = compose(a, b) as typeof a;
    return together([
      expect(sameAdapter(inverse(inverse(a)), a), 'expected inverse(inverse(a)) = a'),
      expect(
        sameAdapter(inverse(ab), compose(inverse(b), inverse(a))),
        'expected inverse(compose(a, b)) = compose(inverse(b), inverse(a))',
      ),
      within(await snapshot(back), await snapshot(startOf(a, s.weights)), await subtractionBound(s)),
    ]);
  },
);

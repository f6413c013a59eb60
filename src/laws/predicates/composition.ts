/**
 * Composition: a monoid that application turns into composition of functions.
 */
import { sameAdapter, type Adapter, type Mergeable } from '../../adapters/adapter.js';
import { isMergeable } from '../../adapters/combine.js';
import { sameBits, snapshot } from '../compare.js';
import { adapterAt, law, mergeableAt } from '../law.js';
import { expect, fine, together } from '../verdict.js';

/** A composition applies its parts one after the other. */
export const composeLaw = law(
  'composition',
  'apply(compose(a, b), w) = apply(b, apply(a, w)), bit for bit',
  { atMost: 'dependent', arity: 2 },
  async (s) => {
    const { apply, compose } = s.operations;
    const [a, b] = [mergeableAt(s, 0), mergeableAt(s, 1)];
    const both = apply(compose(a, b) as Adapter<Mergeable>, s.weights);
    return sameBits(await snapshot(both), await snapshot(apply(b, apply(a, s.weights))));
  },
);

/** How compositions are grouped says nothing: neither as data nor on weights. */
export const associativityLaw = law(
  'associativity',
  'compose(compose(a, b), c) = compose(a, compose(b, c)), as data and on weights',
  { atMost: 'routed', arity: 3 },
  async (s) => {
    const { apply, compose } = s.operations;
    const [a, b, c] = [adapterAt(s, 0), adapterAt(s, 1), adapterAt(s, 2)];
    const [left, right] = [compose(compose(a, b), c), compose(a, compose(b, c))];
    const data = expect(sameAdapter(left, right), 'expected the same adapter for both groupings');
    if (!isMergeable(left) || !isMergeable(right)) return data;
    const weights = sameBits(await snapshot(apply(left, s.weights)), await snapshot(apply(right, s.weights)));
    return together([weights, data]);
  },
);

/** The identity is the unit of composition. */
export const unitLaw = law(
  'unit',
  'compose(identity, a) = a = compose(a, identity), as data and on weights',
  { atMost: 'routed' },
  async (s) => {
    const { apply, compose, identity } = s.operations;
    const a = adapterAt(s, 0);
    const sides = [compose(identity, a), compose(a, identity)];
    const data = together(sides.map((side) => expect(sameAdapter(side, a), 'expected the adapter itself')));
    if (!isMergeable(a)) return data;
    const alone = await snapshot(apply(a, s.weights));
    const findings = [fine];
    for (const side of sides) findings.push(sameBits(await snapshot(apply(side as typeof a, s.weights)), alone));
    return together([...findings, data]);
  },
);

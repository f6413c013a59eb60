/**
 * Combinators: adapters from adapters. Smart constructors keep every value in one normal form, so that the laws hold as
 * equalities of data and not only of results.
 */
import { E, type Monoid } from '../fp.js';
import { orProblems, problem, type Result } from '../problem.js';
import {
  joinOf,
  leavesOf,
  sameAdapter,
  type Adapter,
  type Identity,
  type Invertible,
  type Mergeable,
} from './adapter.js';
import type { Algebra } from './updates/traits.js';

/** The adapter that changes nothing: apply(identity, w) = w. */
export const identity: Identity = { _tag: 'Identity', algebra: 'additive' };

/**
 * Adapters one after the other: apply(compose(a, b), w) = apply(b, apply(a, w)).
 *
 * Associative with unit `identity`, by construction: nested compositions are flattened and identities dropped.
 */
export const compose = <K extends Algebra>(...adapters: ReadonlyArray<Adapter<K>>): Adapter<K> => {
  const flat = adapters.flatMap((a) => (a._tag === 'Compose' ? a.adapters : a._tag === 'Identity' ? [] : [a]));
  if (flat.length < 2) return flat[0] ?? identity;
  return { _tag: 'Compose', algebra: joinOf(flat) as K, adapters: flat };
};

/**
 * c times an additive adapter: apply(scale(c, a), w) = w + c (apply(a, w) - w).
 *
 * scale(1, a) = a, scale(b, scale(c, a)) = scale(b c, a), scale(c, compose(a, b)) = compose(scale(c, a), scale(c, b)).
 */
export const scale = (c: number, adapter: Adapter<'additive'>): Adapter<'additive'> => {
  assertAdditive('scale', adapter);
  if (!Number.isFinite(c)) throw new TypeError(`scale: expected a finite number, found ${c}`);
  if (c === 0 || adapter._tag === 'Identity') return identity;
  if (adapter._tag === 'Scale') return scale(c * adapter.c, adapter.adapter);
  if (adapter._tag === 'Compose') return compose(...adapter.adapters.map((a) => scale(c, a)));
  return c === 1 ? adapter : { _tag: 'Scale', algebra: 'additive', c, adapter };
};

/**
 * The sum of changes: apply(sum(a, b), w) = w + (apply(a, w) - w) + (apply(b, w) - w).
 *
 * Commutative and associative up to rounding, with unit `identity`.
 */
export const sum = (...adapters: ReadonlyArray<Adapter<'additive'>>): Adapter<'additive'> => {
  adapters.forEach((a) => assertAdditive('sum', a));
  const flat = adapters.flatMap((a) => (a._tag === 'Sum' ? a.adapters : a._tag === 'Identity' ? [] : [a]));
  if (flat.length < 2) return flat[0] ?? identity;
  return { _tag: 'Sum', algebra: 'additive', adapters: flat };
};

/**
 * An adapter on some modules only; the others keep their weights.
 *
 * @param modules names of modules: a full name, or what follows a dot in it ("q_proj", "layers.0.mlp.up_proj")
 */
export const restrict = <K extends Algebra>(modules: ReadonlyArray<string>, adapter: Adapter<K>): Adapter<K> =>
  adapter._tag === 'Identity' ? adapter : { _tag: 'Restrict', algebra: adapter.algebra as K, modules, adapter };

/**
 * The adapter that takes another one back: apply(inverse(a), apply(a, w)) = w up to rounding.
 *
 * Additive adapters are scaled by -1; where others scale a row by 0 or rotate it by a singular matrix, the inverse is not finite.
 *
 * inverse(inverse(a)) = a, inverse(compose(a, b)) = compose(inverse(b), inverse(a)).
 */
export const inverse = <K extends Invertible>(adapter: Adapter<K>): Adapter<K> => {
  if (!isInvertible(adapter)) throw unlike('inverse', 'an invertible', adapter);
  if (adapter._tag === 'Inverse') return adapter.adapter;
  if (adapter._tag === 'Compose') return compose(...adapter.adapters.toReversed().map((a) => inverse(a)));
  if (isAdditive(adapter)) return scale(-1, adapter) as Adapter<K>;
  return { _tag: 'Inverse', algebra: adapter.algebra as K, adapter };
};

const unlike = (what: string, expected: string, adapter: Adapter): TypeError =>
  new TypeError(
    `${what}: expected ${expected} adapter, found a ${adapter.algebra} one. ${reasonsOf(adapter).join('. ')}`,
  );

const assertAdditive = (what: string, adapter: Adapter): void => {
  if (adapter.algebra !== 'additive') throw unlike(what, 'an additive', adapter);
};

/** Why an adapter is not additive or not mergeable, leaf by leaf; empty for additive ones. */
export const reasonsOf = (adapter: Adapter): ReadonlyArray<string> => [
  ...new Set(leavesOf(adapter).flatMap((leaf) => leaf.reasons)),
];

/** Whether an adapter has an inverse: it adds, scales or rotates. */
export const isInvertible = (adapter: Adapter): adapter is Adapter<Invertible> =>
  ['additive', 'diagonal', 'orthogonal'].includes(adapter.algebra);

/** Whether an adapter only adds: then it scales and sums. */
export const isAdditive = (adapter: Adapter): adapter is Adapter<'additive'> => adapter.algebra === 'additive';

/** Whether an adapter has dense merged weights. */
export const isMergeable = (adapter: Adapter): adapter is Adapter<Mergeable> =>
  adapter.algebra !== 'routed' && adapter.algebra !== 'prompt';

/** The adapter as an additive one, or why it is not. */
export const additive = (adapter: Adapter): Result<Adapter<'additive'>> =>
  isAdditive(adapter)
    ? E.right(adapter)
    : orProblems(
        reasonsOf(adapter).map((why) =>
          problem(
            'adapter',
            'an additive adapter',
            why,
            'compose and restrict work for every adapter; scale and sum need additive ones.',
          ),
        ),
        () => identity,
      );

/** The adapter as an invertible one, or why it is not. */
export const invertible = (adapter: Adapter): Result<Adapter<Invertible>> =>
  isInvertible(adapter)
    ? E.right(adapter)
    : orProblems(
        reasonsOf(adapter).map((why) => problem('adapter', 'an adapter with an inverse', why)),
        () => identity,
      );

/** The adapter as a mergeable one, or why it is not. */
export const mergeable = (adapter: Adapter): Result<Adapter<Mergeable>> =>
  isMergeable(adapter)
    ? E.right(adapter)
    : orProblems(
        reasonsOf(adapter).map((why) =>
          problem('adapter', 'an adapter that can merge', why, 'Use attach to run it beside the base weights.'),
        ),
        () => identity,
      );

/** Composition as an fp-ts Monoid: concat = compose, empty = identity; lawful for every adapter. */
export const composition: Monoid<Adapter> = { concat: (a, b) => compose(a, b), empty: identity };

/** Additive adapters as a module over the reals. */
export const additiveModule = {
  /** The zero. */
  zero: identity as Adapter<'additive'>,
  /** a + b. */
  add: (a: Adapter<'additive'>, b: Adapter<'additive'>): Adapter<'additive'> => sum(a, b),
  /** c a. */
  scale,
  /** -a. */
  negate: (a: Adapter<'additive'>): Adapter<'additive'> => inverse(a),
} as const;

/** fp-ts Eq of adapters as data. */
export const eqAdapter = { equals: sameAdapter } as const;

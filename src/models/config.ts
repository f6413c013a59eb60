/**
 * The fields of config.json: io-ts codecs where absent and null have the meanings that transformers gives them.
 */
import * as t from 'io-ts';
import { E } from '../fp.js';
import { activation } from '../ops/activation.js';
import type { Tensor } from '../ops/tensor.js';
import { fail, orProblems, type Problems, type Result } from '../problem.js';

/** config.json as read. */
export type Config = Readonly<Record<string, unknown>>;

const refined = (name: string, holds: (x: number) => boolean): t.Type<number> => {
  const is = (u: unknown): u is number => typeof u === 'number' && holds(u);
  return new t.Type(name, is, (u, c) => (is(u) ? t.success(u) : t.failure(u, c)), t.identity);
};

/** A size: 1, 2, 3, ... */
export const size = refined('a positive integer', (x) => Number.isSafeInteger(x) && x > 0);

/** A count: 0, 1, 2, ... */
export const count = refined('an integer of at least 0', (x) => Number.isSafeInteger(x) && x >= 0);

/** An integer of either sign. */
export const integer = refined('an integer', Number.isSafeInteger);

/** A finite number above zero. */
export const positive = refined('a positive number', (x) => Number.isFinite(x) && x > 0);

/** A finite number. */
export const finite = refined('a number', Number.isFinite);

/** A field that reads as `fallback` where it is absent or null. */
export const orDefault = <A, B>(codec: t.Type<A>, fallback: B): t.Type<A | B> =>
  new t.Type<A | B>(
    codec.name,
    (u): u is A | B => u === fallback || codec.is(u),
    (u, c) => (u === undefined || u === null ? t.success(fallback) : codec.validate(u, c)),
    t.identity,
  );

/** A field that may be absent or null. */
export const optional = <A>(codec: t.Type<A>): t.Type<A | undefined> => orDefault(codec, undefined);

/** A field that reads as `fallback` where it is absent, and whose null is a value of its own. */
export const nullable = <A>(codec: t.Type<A>, fallback: A | null): t.Type<A | null> =>
  new t.Type<A | null>(
    `${codec.name} or null`,
    (u): u is A | null => u === null || codec.is(u),
    (u, c) => (u === undefined ? t.success(fallback) : u === null ? t.success(null) : codec.validate(u, c)),
    t.identity,
  );

/** Where a problem with a field of config.json is. */
export const configField = (field: string): string => `config.json: ${field}`;

/** Combines a record of results: all values, or the problems of every failed one. */
export const struct = <A extends Readonly<Record<string, unknown>>>(results: {
  readonly [K in keyof A]: Result<A[K]>;
}): Result<A> => {
  const entries = Object.entries<Result<unknown>>(results);
  return orProblems(
    entries.flatMap(([, r]) => (E.isLeft(r) ? r.left : [])),
    () => Object.fromEntries(entries.map(([k, r]) => [k, E.isRight(r) ? r.right : undefined])) as A,
  );
};

/** The activation function that a field names. */
export const activationOf = (field: string, name: string): Result<(x: Tensor) => Tensor> =>
  E.mapLeft(([p]: Problems): Problems => [{ ...p, at: configField(field) }])(activation(name));

/** What a table has for the class that config.json names. */
export const ofClass = <A>(table: ReadonlyMap<string, A>, className: string | undefined): Result<A> => {
  const found = className === undefined ? undefined : table.get(className);
  return found === undefined
    ? fail(configField('architectures'), `one of ${[...table.keys()].join(', ')}`, className ?? 'nothing')
    : E.right(found);
};

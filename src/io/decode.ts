/**
 * io-ts decoding with Weft's problems.
 */
import * as t from 'io-ts';
import { E } from '../fp.js';
import { orProblems, problem, type Result } from '../problem.js';

/** A value as people read it, at most `limit` characters. */
export const showValue = (value: unknown, limit = 60): string => {
  const text =
    value === undefined
      ? 'nothing'
      : typeof value === 'number'
        ? String(value)
        : (JSON.stringify(value) ?? typeof value);
  return text.length > limit ? `${text.slice(0, limit)}...` : text;
};

/** A number of elements or bytes: an integer from 0 to 2^53 - 1. */
export const Size = new t.Type<number, number, unknown>(
  'an integer from 0 to 2^53 - 1',
  (u): u is number => Number.isSafeInteger(u) && (u as number) >= 0,
  (u, c) => (Number.isSafeInteger(u) && (u as number) >= 0 ? t.success(u as number) : t.failure(u, c)),
  t.identity,
);

/** Decodes with an io-ts codec; every error becomes a problem at `at: path.to.field`. */
export const decodeWith = <A>(codec: t.Type<A, unknown, unknown>, value: unknown, at: string): Result<A> => {
  const result = codec.decode(value);
  if (E.isRight(result)) return result;
  return orProblems(
    result.left.map((e) => {
      const path = e.context.flatMap((c) => (c.key === '' ? [] : [c.key])).join('.');
      const expected = e.context.at(-1)?.type.name ?? codec.name;
      return problem(path === '' ? at : `${at}: ${path}`, e.message ?? expected, showValue(e.value));
    }),
    () => value as A,
  );
};

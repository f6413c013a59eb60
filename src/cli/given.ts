/**
 * The command line as given, and decoders that collect every problem with it.
 */
import { E } from '../fp.js';
import type { Backend } from '../ops/backend.js';
import { all, fail, type Result } from '../problem.js';

/** Operands and options as the parser leaves them: texts, lists of texts for options that repeat, true for flags. */
export interface Given {
  readonly command: string;
  readonly operands: ReadonlyArray<string>;
  /** By the option's long name without dashes. */
  readonly options: ReadonlyMap<string, unknown>;
}

const at = (given: Given, name: string): string => `weft ${given.command}: --${name}`;

const missing = (given: Given, name: string, what: string): Result<never> =>
  fail(at(given, name), what, 'no such option', `see weft ${given.command} --help`);

/** Whether a flag is set. */
export const flag = (given: Given, name: string): boolean => given.options.get(name) === true;

/** Whether something is done that `--no-name` turns off. */
export const unlessOff = (given: Given, name: string): boolean => given.options.get(name) !== false;

/** An option that may be absent. */
export const optionalText = (given: Given, name: string): Result<string | undefined> => {
  const value = given.options.get(name);
  if (value === undefined) return E.right(undefined);
  return value === '' ? fail(at(given, name), 'a path', 'an empty text') : E.right(String(value));
};

/** An option that must be there; `what` says what it takes. */
export const text = (given: Given, name: string, what: string): Result<string> =>
  E.chain((value: string | undefined) => (value === undefined ? missing(given, name, what) : E.right(value)))(
    optionalText(given, name),
  );

/** The values of an option that repeats, in order; none when it is absent. */
export const values = (given: Given, name: string): ReadonlyArray<string> => {
  const value = given.options.get(name);
  return Array.isArray(value) ? value.map(String) : [];
};

/** The values of an option that must be there at least once. */
export const texts = (given: Given, name: string, what: string): Result<ReadonlyArray<string>> => {
  const given_ = values(given, name);
  if (given_.length === 0) return missing(given, name, what);
  return given_.includes('') ? fail(at(given, name), what, 'an empty text') : E.right(given_);
};

/** Finite numbers from an option that repeats. */
export const numbers = (given: Given, name: string): Result<ReadonlyArray<number>> =>
  all(
    values(given, name).map((value) => {
      const n = Number(value);
      return value.trim() !== '' && Number.isFinite(n)
        ? E.right(n)
        : fail(at(given, name), 'a finite number', JSON.stringify(value));
    }),
  );

/** Integers of at least 0, separated by commas. */
export const naturals = (given: Given, name: string, what: string): Result<ReadonlyArray<number>> =>
  E.chain((list: string) =>
    all(
      list.split(',').map((part) => {
        const digits = part.trim();
        return /^[0-9]+$/.test(digits) && Number.isSafeInteger(Number(digits))
          ? E.right(Number(digits))
          : fail(at(given, name), 'integers of at least 0, separated by commas', JSON.stringify(part));
      }),
    ),
  )(text(given, name, what));

/** A finite number that may be absent. */
export const optionalNumber = (given: Given, name: string): Result<number | undefined> => {
  const value = given.options.get(name);
  if (value === undefined) return E.right(undefined);
  const n = String(value).trim() === '' ? NaN : Number(value);
  return Number.isFinite(n) ? E.right(n) : fail(at(given, name), 'a finite number', JSON.stringify(String(value)));
};

/** An integer in [least, most], 2^53 - 1 unless told, or a default where the option is absent. */
export const integer = (
  given: Given,
  name: string,
  [least, most = Number.MAX_SAFE_INTEGER]: readonly [least: number, most?: number],
  absent: number,
): Result<number> =>
  E.chain((n: number = absent) =>
    Number.isInteger(n) && n >= least && n <= most
      ? E.right(n)
      : fail(
          at(given, name),
          most === Number.MAX_SAFE_INTEGER ? `an integer of at least ${least}` : `an integer from ${least} to ${most}`,
          String(n),
        ),
  )(optionalNumber(given, name));

/** Integers of at least 0 where the option is there. */
export const optionalNaturals = (given: Given, name: string): Result<ReadonlyArray<number> | undefined> =>
  given.options.has(name) ? naturals(given, name, 'integers') : E.right(undefined);

/** The names of the backends. */
export const backends: ReadonlyArray<Backend> = ['wasm', 'cpu', 'webgpu'];

/** The backend that is asked for; wasm by default. */
export const backend = (given: Given): Result<Backend> => {
  const name = given.options.get('backend') ?? 'wasm';
  const found = backends.find((b) => b === name);
  return found === undefined
    ? fail(at(given, 'backend'), `one of ${backends.join(', ')}`, JSON.stringify(name))
    : E.right(found);
};

/**
 * The part of fp-ts that Weft uses, from its root export: `fp-ts/Either` and its like do not resolve in plain Node ESM.
 */
export {
  either as E,
  function as F,
  monoid as Mo,
  nonEmptyArray as NEA,
  option as O,
  readonlyArray as RA,
} from 'fp-ts';
export type { either, function as fn, monoid, nonEmptyArray, option } from 'fp-ts';

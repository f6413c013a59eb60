/**
 * The part of fp-ts that Weft uses, file by file: the root export loads all of its modules, which takes longer than loading Weft's own.
 * `fp-ts/Either` and its like do not resolve in plain Node ESM.
 */
export * as E from 'fp-ts/lib/Either.js';
export * as F from 'fp-ts/lib/function.js';
export type { Monoid } from 'fp-ts/lib/Monoid.js';

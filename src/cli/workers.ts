/**
 * The option that says how many threads a command merges in.
 */
import { availableParallelism } from 'node:os';
import type { Result } from '../problem.js';
import { integer, type Given } from './given.js';

/** Threads unless told: one a core, and no more than fill a fast disk. */
const MOST_UNLESS_TOLD = 4;

/** More than this many are a typing mistake. */
const MOST = 64;

/** Decodes it. */
export const workers = (given: Given): Result<number> =>
  integer(given, 'workers', [1, MOST], Math.min(MOST_UNLESS_TOLD, availableParallelism()));

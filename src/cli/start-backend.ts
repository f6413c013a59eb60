/**
 * Starting the backend that a command computes on.
 */
import { E } from '../fp.js';
import { currentBackend, useBackend, type Backend } from '../ops/backend.js';
import type { Result } from '../problem.js';

/** Makes a backend the current one, or says why it cannot start here. */
export const startBackend = async (name: Backend): Promise<Result<Backend>> =>
  currentBackend() === name ? E.right(name) : useBackend(name);

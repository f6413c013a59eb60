/**
 * Who does the work of a wasm backend: this thread, or several that share its heap.
 */
import { E } from '../../fp.js';
import { fail, type Result } from '../../problem.js';
import { performer, type Tools } from '../threads/calls.js';
import { startTeam, type StartedTeam, type TeamOptions } from '../threads/start.js';
import type { Team } from '../threads/team.js';
import { memoryOf } from './wasm-heap.js';

interface Installed extends StartedTeam {
  /** What it was started with. */
  readonly options: string;
}

const installed = new WeakMap<object, Installed>();

/** The team of a backend; undefined before `installTeam`. */
export const teamOf = (backend: object): Team | undefined => installed.get(backend)?.team;

/**
 * Starts the threads of a backend, in place of those that it had with other options.
 *
 * @param tools what this thread computes with
 */
export const installTeam = async (backend: object, tools: Tools, options: TeamOptions): Promise<Result<Team>> => {
  const heap = memoryOf(backend);
  const before = installed.get(backend);
  const key = JSON.stringify(options);
  if (before?.options === key) return E.right(before.team);
  if (heap === undefined) return fail('backend wasm', "the heap of tfjs 4.22's wasm backend", 'another one');
  const started = await startTeam(heap, performer(tools), options);
  if (E.isLeft(started)) return started;
  await before?.stop();
  installed.set(backend, { ...started.right, options: key });
  return E.right(started.right.team);
};

/**
 * What every command that writes a model folder looks at first, all problems at once.
 */
import { E } from '../fp.js';
import type { ReadOptions } from '../io/peft.js';
import type { ModelSpec } from '../models/spec.js';
import { orProblems, type Result } from '../problem.js';
import { loadAdapters, type AdapterList, type LoadedAdapters } from './adapters.js';
import { freeFolder } from './out-folder.js';
import type { Session } from './session.js';

/** Loads the adapters for a module tree and checks that the output has a place; tells the adapters' warnings. */
export const prepare = async (
  out: string,
  adapters: AdapterList,
  spec: ModelSpec,
  session: Session,
  options: ReadOptions = {},
): Promise<Result<LoadedAdapters>> => {
  const free = await freeFolder(out);
  const loaded = await loadAdapters(adapters, spec, options);
  if (E.isLeft(loaded)) return E.isLeft(free) ? E.left([...free.left, ...loaded.left]) : loaded;
  loaded.right.warnings.forEach(session.warn);
  return orProblems(E.isLeft(free) ? free.left : [], () => loaded.right);
};

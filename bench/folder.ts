/**
 * A folder for as long as something runs.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Runs `f` with a new folder and a signal of interruption, and removes the folder afterwards, whatever happens. */
export const withFolder = async <A>(
  parent: string,
  f: (folder: string, interrupted: AbortSignal) => Promise<A>,
): Promise<A> => {
  const folder = mkdtempSync(join(parent, 'weft-bench-'));
  const interruption = new AbortController();
  const interrupt = (): void => interruption.abort(new Error('interrupted'));
  // The second signal ends the process at once.
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    return await f(folder, interruption.signal);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    process.removeListener('SIGINT', interrupt).removeListener('SIGTERM', interrupt);
  }
};

/**
 * A folder for as long as something runs.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Runs `f` with a new folder and removes it afterwards, whatever happens; a signal ends the process once that is done. */
export const withFolder = async <A>(parent: string, f: (folder: string) => Promise<A>): Promise<A> => {
  const folder = mkdtempSync(join(parent, 'weft-bench-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const interrupt = (): void => process.exit(130);
  process.once('exit', remove).once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    return await f(folder);
  } finally {
    remove();
    process.removeListener('exit', remove).removeListener('SIGINT', interrupt).removeListener('SIGTERM', interrupt);
  }
};

/**
 * What all benches are told.
 */
import type { Python } from '../parity/python.js';

/** Options of a run. */
export interface Setting {
  /** A Python with torch and PEFT; undefined where there is none. */
  readonly python: Python | undefined;
  /** An empty folder for models and adapters, removed at the end. */
  readonly folder: string;
  /** Ends what runs. */
  readonly interrupted: AbortSignal;
  /** Small sizes and one round, to see that everything works. */
  readonly quick: boolean;
  /** Only cases whose names hold this text. */
  readonly only: string;
  /** Rounds at most; undefined for the bench's own number. */
  readonly runs: number | undefined;
  /** Size of the checkpoint that is merged, in MB; undefined for the bench's own. */
  readonly sizeMb: number | undefined;
}

/**
 * What Weft asks of a platform that has threads. `#threads` is Node's implementation, or none in browsers.
 */
import type { GemmKind } from '../backends/wasm-gemm.js';
import type { OpenBlasOptions } from '../native/openblas.js';
import type { Board, Seat } from './board.js';

/** What a thread is given. */
export interface Enrolled {
  readonly board: Board;
  readonly seat: Seat;
  readonly memory: WebAssembly.Memory;
  /** A place in the memory for this thread alone. */
  readonly room: { readonly at: number; readonly bytes: number };
  readonly kind: GemmKind;
  readonly native?: OpenBlasOptions;
}

/** A thread that was started. */
export interface Thread {
  /** Resolves when the thread serves its board, to what is wrong if it does not. */
  readonly ready: Promise<string | undefined>;
  readonly stop: () => Promise<unknown>;
}

/** The functions of `#threads`. */
export interface Platform {
  /** Starts a thread that serves a board. The process does not wait for it to end. */
  readonly startThread: (enrolled: Enrolled) => Thread;
  /** A file of tfjs's wasm backend; of the folder that is given, or of the installed package. Throws where there is none. */
  readonly readTfjs: (name: string, folder: string | undefined) => Promise<Uint8Array>;
}

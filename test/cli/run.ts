/**
 * Command lines in process: what they print, and the code that they end with.
 */
import { Writable } from 'node:stream';
import { inject } from 'vitest';
import { weft } from '../../src/cli/program.js';
import type { ExitCode } from '../../src/cli/exit-code.js';

/** A JSON document that a test looks into. */
// eslint-disable-next-line typescript/no-explicit-any
export type Json = Readonly<Record<string, any>>;

/** What a command line did. */
export interface Ran {
  readonly code: ExitCode;
  readonly out: string;
  readonly err: string;
  /** The one JSON document on stdout; fails where it is none. */
  readonly json: () => Json;
}

/** Options of a run. */
export interface Streams {
  /** stderr redraws lines. */
  readonly interactive?: boolean;
  readonly color?: boolean;
  readonly signal?: AbortSignal;
}

const sink = (interactive: boolean): { readonly stream: Writable; readonly text: () => string } => {
  const parts: string[] = [];
  const stream = new Writable({
    write: (chunk, _, done) => {
      parts.push(String(chunk));
      done();
    },
  });
  return { stream: Object.assign(stream, { isTTY: interactive, columns: 100 }), text: () => parts.join('') };
};

/** Commands that compute, and so take a backend. */
const computing = new Set(['merge', 'unmerge', 'convert', 'verify', 'logits']);

/** Commands that may start threads, which takes longer from source than these merges do. */
const merging = new Set(['merge', 'unmerge']);

/** Runs `weft ...argv`, on the project's backend unless the line names one, and in one thread unless it says how many. */
export const runWith = async (streams: Streams, ...argv: ReadonlyArray<string>): Promise<Ran> => {
  const [out, err] = [sink(false), sink(streams.interactive ?? false)];
  const ownBackend = computing.has(argv[0] ?? '') && !argv.includes('--backend') && !argv.includes('--help');
  const own = ownBackend ? [...argv, '--backend', inject('backend')] : argv;
  const code = await weft(
    merging.has(argv[0] ?? '') && !/--workers|--help/.test(argv.join(' ')) ? [...own, '--workers', '1'] : own,
    {
      stdout: out.stream,
      stderr: err.stream,
      interactive: streams.interactive ?? false,
      color: streams.color ?? false,
      signal: streams.signal ?? new AbortController().signal,
    },
  );
  const text = out.text();
  return { code, out: text, err: err.text(), json: () => JSON.parse(text) as Json };
};

/** Runs `weft ...argv` where stderr is no terminal. */
export const run = (...argv: ReadonlyArray<string>): Promise<Ran> => runWith({}, ...argv);

/**
 * What a command does: it decodes its options, runs, and reports.
 */
import { E } from '../fp.js';
import type { Problems, Result } from '../problem.js';
import type { Given } from './given.js';
import type { Session } from './session.js';

/** What a command found or did. */
export interface Report {
  /** The JSON document of `--json`. */
  readonly json: Readonly<Record<string, unknown>>;
  /** What goes to stdout without `--json`, where the command is run for it. */
  readonly data?: string;
  /** The same for people. */
  readonly lines: ReadonlyArray<string>;
  /** A law is broken: the process ends with code 3. */
  readonly broken?: boolean;
}

/** How a command ended: a wrong command line, problems with its inputs, or a report. */
export type Outcome =
  | { readonly _tag: 'Usage'; readonly problems: Problems }
  | { readonly _tag: 'Failed'; readonly problems: Problems }
  | { readonly _tag: 'Done'; readonly report: Report };

/** What a command does with a command line. */
export type Execute = (given: Given, session: Session) => Promise<Outcome>;

/** The parts of a command with options O. */
export interface Verb<O> {
  /** All problems with the command line, or the options. */
  readonly decode: (given: Given) => Result<O>;
  readonly run: (options: O, session: Session) => Promise<Result<Report>>;
}

/** A command whose options' type is its own affair; `grammar.ts` says what it is called and what it takes. */
export const command =
  <O>({ decode, run }: Verb<O>): Execute =>
  async (given, session) => {
    const options = decode(given);
    if (E.isLeft(options)) return { _tag: 'Usage', problems: options.left };
    const report = await run(options.right, session);
    return E.isLeft(report) ? { _tag: 'Failed', problems: report.left } : { _tag: 'Done', report: report.right };
  };

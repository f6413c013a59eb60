/**
 * A command as data: its options, their decoder, and what it does.
 */
import type { Command as Commander } from 'commander';
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

/** One verb of the program. */
export interface Command {
  readonly name: string;
  /** Adds summary, operands and options to the parser. */
  readonly declare: (parser: Commander) => Commander;
  readonly execute: (given: Given, session: Session) => Promise<Outcome>;
}

/** The parts of a command with options O. */
export interface Verb<O> {
  readonly name: string;
  readonly declare: (parser: Commander) => Commander;
  /** All problems with the command line, or the options. */
  readonly decode: (given: Given) => Result<O>;
  readonly run: (options: O, session: Session) => Promise<Result<Report>>;
}

/** A command whose options' type is its own affair. */
export const command = <O>({ name, declare, decode, run }: Verb<O>): Command => ({
  name,
  declare,
  execute: async (given, session) => {
    const options = decode(given);
    if (E.isLeft(options)) return { _tag: 'Usage', problems: options.left };
    const report = await run(options.right, session);
    return E.isLeft(report) ? { _tag: 'Failed', problems: report.left } : { _tag: 'Done', report: report.right };
  },
});

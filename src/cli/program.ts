/**
 * The program `weft`: parse, decode, run, print.
 */
import { Command as Commander, CommanderError } from 'commander';
import type { Outcome } from './command.js';
import { exitCode, type ExitCode } from './exit-code.js';
import type { Given } from './given.js';
import { commands } from './grammar.js';
import type { Problem, Problems } from '../problem.js';
import { problemJson, problemLines } from './problems.js';
import { printable, styleOf } from './style.js';
import type { Terminal } from './terminal.js';
import { version } from './version.js';

interface Switches {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

const switchesIn = (argv: ReadonlyArray<string>): Switches => ({
  json: argv.includes('--json'),
  quiet: argv.includes('--quiet'),
  verbose: argv.includes('-v') || argv.includes('--verbose'),
});

const print = (terminal: Terminal, lines: ReadonlyArray<string>): void => {
  if (lines.length > 0) terminal.stderr.write(`${lines.join('\n')}\n`);
};

const printJson = (terminal: Terminal, value: unknown): void => {
  terminal.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
};

const reportProblems = (terminal: Terminal, json: boolean, problems: ReadonlyArray<Problem>): void => {
  print(terminal, problemLines(problems, styleOf(terminal.color)));
  if (json) printJson(terminal, { problems: problems.map(problemJson) });
};

/** Prints how a command ended and gives the process's code. */
const conclude = (outcome: Outcome, terminal: Terminal, { json, quiet }: Switches): ExitCode => {
  if (outcome._tag !== 'Done') {
    reportProblems(terminal, json, outcome.problems);
    return outcome._tag === 'Usage' ? exitCode.usage : exitCode.failed;
  }
  const { report } = outcome;
  if (!json && report.data !== undefined) terminal.stdout.write(`${report.data}\n`);
  if (json) printJson(terminal, report.json);
  else if (!quiet) print(terminal, report.lines);
  return report.broken === true ? exitCode.broken : exitCode.ok;
};

const kebab = (name: string): string => name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);

const givenOf = (name: string, parser: Commander): Given => ({
  command: name,
  operands: parser.args,
  options: new Map(Object.entries(parser.opts()).map(([key, value]) => [kebab(key), value as unknown])),
});

const declared = (terminal: Terminal): Commander =>
  new Commander()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      // Errors are printed as problems where they are caught.
      writeErr: () => undefined,
    })
    .name('weft')
    .description('Adapters of Hugging Face PEFT as pure functions on model weights.')
    .version(version(), '-V, --version')
    .helpCommand(false)
    .showSuggestionAfterError(true);

/** A parser whose commands put how they ended into `ended`. */
const parserOf = (terminal: Terminal, switches: Switches, ended: (outcome: Outcome) => void): Commander =>
  commands.reduce((program, { name, declare, load }) => {
    const parser = declare(program.command(name))
      .option('--json', 'print one JSON document on stdout')
      .option('--quiet', 'print nothing on stderr but problems')
      .option('-v, --verbose', 'print the stack of an unexpected error');
    parser.action(async () => {
      const [execute, { sessionOn }] = await Promise.all([load(), import('./session.js')]);
      ended(await execute(givenOf(name, parser), sessionOn(terminal, switches.quiet)));
    });
    return program;
  }, declared(terminal));

/** A wrong command line as a problem; nothing for a help or version that was asked for. */
const usageProblem = async (error: CommanderError, argv: ReadonlyArray<string>): Promise<Problems | undefined> => {
  if (error.exitCode === 0) return undefined;
  const { problem } = await import('../problem.js');
  const name = commands.find((c) => c.name === argv[0])?.name;
  const verbs = commands.map((c) => c.name).join(', ');
  const message = error.code === 'commander.help' ? 'no command' : error.message.replace(/^error: /, '');
  const at = name === undefined ? 'weft' : `weft ${name}`;
  const expected = name === undefined ? `one of the commands ${verbs}` : 'the options that it has';
  return [problem(at, expected, message.replace(/\n\(/, ' ('), `see ${at} --help`)];
};

/** An error that is no problem of the input: one line, or the whole stack when it is asked for. */
const reportError = async (error: unknown, terminal: Terminal, { json, verbose }: Switches): Promise<ExitCode> => {
  const { problem } = await import('../problem.js');
  const shown = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const interrupted = terminal.signal.aborted && error === terminal.signal.reason;
  const text = interrupted ? 'interrupted; nothing was written' : `unexpected error: ${printable(shown)}`;
  const stack =
    verbose && error instanceof Error ? (error.stack ?? '').split('\n').filter((l) => /^ +at /.test(l)) : [];
  const more = interrupted || verbose ? '' : ' (-v shows where)';
  print(terminal, [`${styleOf(terminal.color).bad('error')} ${text}${more}`, ...(interrupted ? [] : stack)]);
  if (json) printJson(terminal, { problems: [problemJson(problem('weft', 'no error', text))] });
  return exitCode.failed;
};

/**
 * Runs a command line.
 *
 * @param argv arguments after the program's name
 * @returns the code that the process should end with; nothing is thrown
 */
export const weft = async (argv: ReadonlyArray<string>, terminal: Terminal): Promise<ExitCode> => {
  const switches = switchesIn(argv);
  const box: { outcome?: Outcome } = {};
  try {
    await parserOf(terminal, switches, (outcome) => (box.outcome = outcome)).parseAsync([...argv], { from: 'user' });
    return box.outcome === undefined ? exitCode.ok : conclude(box.outcome, terminal, switches);
  } catch (error) {
    if (!(error instanceof CommanderError)) return reportError(error, terminal, switches);
    const problems = await usageProblem(error, argv);
    if (problems === undefined) return exitCode.ok;
    reportProblems(terminal, switches.json, problems);
    return exitCode.usage;
  }
};

/**
 * Problems as a block that people read, all of them at once.
 */
import type { Problem } from '../problem.js';
import { printable, type Style } from './style.js';

const block = (p: Problem, style: Style): ReadonlyArray<string> => [
  `${style.bad('error')} ${style.title(printable(p.at))}`,
  `  expected  ${printable(p.expected)}`,
  `  found     ${printable(p.found)}`,
  ...(p.hint === '' ? [] : [`  hint      ${printable(p.hint)}`]),
];

/** Blocks that are shown; the rest is counted here and complete in `--json`. */
const MOST_SHOWN = 50;

/** Lines for some problems: where, what was expected, what was found, what to do. */
export const problemLines = (ps: ReadonlyArray<Problem>, style: Style): ReadonlyArray<string> => [
  ...ps.slice(0, MOST_SHOWN).flatMap((p) => block(p, style)),
  ...(ps.length > MOST_SHOWN ? [`and ${ps.length - MOST_SHOWN} more problems; --json lists all of them`] : []),
];

/** A problem as JSON. */
export const problemJson = ({
  at,
  expected,
  found,
  hint,
  unsupported,
}: Problem): Readonly<Record<string, unknown>> => ({
  at,
  expected,
  found,
  ...(hint === '' ? {} : { hint }),
  ...(unsupported === true ? { unsupported } : {}),
});

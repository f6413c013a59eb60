/**
 * Verdicts as a table: one row a law, and the tensors with the largest errors.
 */
import type { Verdict } from '../../laws/verdict.js';
import { printable, type Style } from '../style.js';
import { table } from '../table.js';
import type { Checked, Checks } from './check.js';

/** What is said about one law over all modules. */
export interface LawRow {
  readonly law: string;
  readonly equation: string;
  readonly result: 'holds' | 'broken' | 'n/a';
  /** Groups of modules that it was checked on. */
  readonly groups: number;
  /** The largest error and where it is; of a broken law, the place of the first break. */
  readonly ulps?: number;
  readonly at?: string;
  readonly detail: string;
}

const ulpsOf = ({ verdict }: Checked): number => verdict.ulps ?? -1;

const worstOf = (found: ReadonlyArray<Checked>): Checked =>
  found.find((c) => !c.verdict.holds) ?? found.reduce((worst, c) => (ulpsOf(c) > ulpsOf(worst) ? c : worst));

const place = ({ ulps, at }: Verdict): Pick<LawRow, 'ulps' | 'at'> => ({
  ...(ulps === undefined ? {} : { ulps }),
  ...(at === undefined ? {} : { at }),
});

/** One row for each law, in the order in which they were checked. */
export const rowsOf = ({ checked, passed }: Checks): ReadonlyArray<LawRow> => {
  const laws = [...new Set(checked.map((c) => c.verdict.law))];
  return [
    ...laws.map((law): LawRow => {
      const found = checked.filter((c) => c.verdict.law === law);
      const { verdict, equation } = worstOf(found);
      const { holds, detail } = verdict;
      return { law, equation, result: holds ? 'holds' : 'broken', groups: found.length, ...place(verdict), detail };
    }),
    ...passed.map(({ law, equation, why }): LawRow => ({ law, equation, result: 'n/a', groups: 0, detail: why })),
  ];
};

/** The error of one law at one tensor (or module, where a law is about its output). */
export interface TensorError {
  readonly at: string;
  readonly law: string;
  readonly ulps: number;
}

/** Every error that a law measured, largest first. */
export const errorsOf = ({ checked }: Checks): ReadonlyArray<TensorError> =>
  checked
    .flatMap(({ verdict, group }) =>
      verdict.ulps === undefined ? [] : [{ at: verdict.at ?? group, law: verdict.law, ulps: verdict.ulps }],
    )
    .toSorted((a, b) => b.ulps - a.ulps);

const showUlps = (ulps: number | undefined): string =>
  ulps === undefined ? '' : Number.isInteger(ulps) ? String(ulps) : ulps.toPrecision(2);

const rowCells = (row: LawRow, style: Style): ReadonlyArray<string> => {
  const paint = { holds: style.good, broken: style.bad, 'n/a': style.faint }[row.result];
  const where = row.result === 'broken' ? [row.at, row.detail].filter((x) => x !== undefined).join(': ') : row.detail;
  return [`  ${row.law}`, paint(row.result), showUlps(row.ulps), printable(where)];
};

/** Tensors that are listed for people. */
const MOST_LISTED = 10;

/** Lines of the law table and of the tensors with the largest errors. */
export const summaryLines = (checks: Checks, style: Style): ReadonlyArray<string> => {
  const errors = errorsOf(checks).filter((e) => e.ulps > 0);
  return [
    ...table([['  law', 'result', 'ulps', ''], ...rowsOf(checks).map((row) => rowCells(row, style))], [2]),
    ...(errors.length === 0 ? [] : ['largest errors, in units in the last place of the magnitudes that the laws name']),
    ...table(
      errors.slice(0, MOST_LISTED).map((e) => [`  ${printable(e.at)}`, e.law, showUlps(e.ulps)]),
      [2],
    ),
  ];
};

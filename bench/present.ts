/**
 * Results of a bench for people: tables of text or markdown, and charts.
 */
import type { Bar, Chart, Panel } from './chart.js';
import { captionOf } from './machine.js';
import { ratioOf, type Cell, type Found, type Row } from './result.js';
import { digits } from './table.js';

/** The contender that the others are measured against. */
export const oursIn = ({ contenders }: Found): string => contenders[0] as string;

/** Whether a contender is Weft. */
export const isOurs = (name: string): boolean => name.startsWith('Weft');

/** Milliseconds, or billions of operations a second where the operations are counted. */
export const quantity = ({ flops }: Row, { ms }: Cell): string =>
  ms === undefined ? '' : flops === undefined ? digits(ms.median) : digits(flops / ms.median / 1e6);

/** What the numbers of a table are. */
export const unitOf = ({ rows }: Found): string =>
  rows.every(({ flops }) => flops !== undefined) ? 'GFLOP/s' : 'milliseconds';

const cellText = (row: Row, name: string, ours: string): string => {
  const cell = row.cells[name] ?? {};
  const ratio = ratioOf(row, name, ours);
  if (cell.ms === undefined) return cell.note ?? '';
  return name === ours || ratio === undefined ? quantity(row, cell) : `${quantity(row, cell)} (${digits(ratio)} x)`;
};

const largest = (row: Row, key: 'difference' | 'peakRss'): number | undefined => {
  const values = Object.values(row.cells).flatMap((cell) => cell[key] ?? []);
  return values.length === 0 ? undefined : Math.max(...values);
};

/** Rows of a table: times of all contenders, those of others with their ratio to Weft's, the largest difference, and what there is to say. */
export const timeTable = (found: Found): { readonly header: string[]; readonly rows: string[][] } => {
  const noted = found.rows.some(({ note }) => note !== undefined);
  return {
    header: ['', ...found.contenders, 'difference', ...(noted ? ['note'] : [])],
    rows: found.rows.map((row) => [
      row.name,
      ...found.contenders.map((name) => cellText(row, name, oursIn(found))),
      largest(row, 'difference')?.toExponential(0) ?? '',
      ...(noted ? [row.note ?? ''] : []),
    ]),
  };
};

/** Rows of a table: the peak memory of every contender in MB; undefined where it was not looked at. */
export const memoryTable = (found: Found): { readonly header: string[]; readonly rows: string[][] } | undefined => {
  const known = found.rows.filter((row) => largest(row, 'peakRss') !== undefined);
  if (known.length === 0) return undefined;
  const megabytes = (cell: Cell | undefined): string =>
    cell?.peakRss === undefined ? '' : (cell.peakRss / 1e6).toFixed(0);
  return {
    header: ['peak MB', ...found.contenders],
    rows: known.map((row) => [row.name, ...found.contenders.map((name) => megabytes(row.cells[name]))]),
  };
};

/** A table in markdown; all columns but the first are aligned to the right. */
export const markdownTable = (header: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [header, header.map((_, i) => (i === 0 ? '---' : '--:')), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

/** Bars of one case: the time of every contender. */
const casePanel = (row: Row, found: Found): ReadonlyArray<Panel> => {
  const bars = found.contenders.flatMap((name): ReadonlyArray<Bar> => {
    const ms = row.cells[name]?.ms?.median;
    return ms === undefined ? [] : [{ label: name, value: ms, text: `${digits(ms)} ms`, ours: isOurs(name) }];
  });
  return bars.length === 0 ? [] : [{ title: row.name, axis: 'milliseconds (median)', bars }];
};

/** Bars of all cases: another contender's time by Weft's. */
const ratioPanel = (found: Found, other: string): ReadonlyArray<Panel> => {
  const ours = oursIn(found);
  const bars = found.rows.flatMap((row): ReadonlyArray<Bar> => {
    const ratio = ratioOf(row, other, ours);
    const ms = row.cells[ours]?.ms?.median ?? NaN;
    return ratio === undefined
      ? []
      : [{ label: row.name, value: ratio, text: `${digits(ratio)} x (${digits(ms)} ms)`, ours: ratio >= 0.95 }];
  });
  return bars.length === 0
    ? []
    : [
        {
          title: `The time of ${other} by that of ${ours} (right of 1: ${ours} is faster)`,
          axis: 'times as fast, median of interleaved rounds, logarithmic; in brackets what Weft takes',
          logarithmic: true,
          bars,
        },
      ];
};

/** How a bench is drawn: all cases against another contender, or the times of all contenders at each case. */
export type Drawing = { readonly against: string } | 'each case';

/** The chart of a bench; undefined where nothing was measured. */
export const chartOf = (found: Found, drawing: Drawing): Chart | undefined => {
  const panels =
    drawing === 'each case' ? found.rows.flatMap((row) => casePanel(row, found)) : ratioPanel(found, drawing.against);
  return panels.length === 0
    ? undefined
    : { title: found.title, panels, caption: captionOf(found.machine, found.versions) };
};

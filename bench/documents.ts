/**
 * The results of the benches as markdown: a section of README, and a page with everything.
 */
import { captionOf, type Machine } from './machine.js';
import { mergeSection, type MergeFound } from './merge-section.js';
import { isOurs, markdownTable, memoryTable, quantity, timeTable, unitOf } from './present.js';
import { ratioOf, type Found, type Row } from './result.js';
import { median } from './statistics.js';
import { digits } from './table.js';

/** What there is in bench/results; a bench that was never run is missing. */
export interface Results {
  readonly merge: MergeFound | undefined;
  /** By name, in the order of the page. */
  readonly compared: ReadonlyArray<Found>;
}

const RATIO = 'in brackets: how many times as fast the first column is';

const machineLine = (machine: Machine, others?: Readonly<Record<string, string>>): string =>
  captionOf(machine, others).join('; ');

/** At how many of the cases that both do one contender is faster than another, and the median of the ratios. */
const tally = ({ rows }: Found, ours: string, other: string): string => {
  const ratios = rows.flatMap((row) => ratioOf(row, other, ours) ?? []);
  return `${ratios.filter((ratio) => ratio > 1).length} of ${ratios.length} (${digits(median(ratios))} x)`;
};

/** What a contender does at a case, and how many times as fast as plain tfjs it is. */
const besideTfjs = (row: Row, name: string): string => {
  const cell = row.cells[name] ?? {};
  const ratio = name === 'tfjs' ? undefined : ratioOf(row, 'tfjs', name);
  if (cell.ms === undefined) return cell.note ?? '';
  return ratio === undefined ? quantity(row, cell) : `${quantity(row, cell)} (${digits(ratio)} x)`;
};

/** Contenders by cases. */
const tableBesideTfjs = (found: Found, title: string, rows: ReadonlyArray<Row>): ReadonlyArray<string> => [
  `${title}, in ${unitOf(found)}; in brackets: how many times as fast as plain tfjs on wasm.`,
  markdownTable(
    ['', ...rows.map(({ name }) => name)],
    found.contenders.map((name) => [name, ...rows.map((row) => besideTfjs(row, name))]),
  ),
];

const training = (found: Found): ReadonlyArray<string> =>
  tableBesideTfjs(found, 'Loss and gradients of a LoRA', found.rows);

const methods = (found: Found): ReadonlyArray<string> => {
  const [ours, others] = [found.contenders.filter(isOurs), found.contenders.filter((name) => !isOurs(name))];
  return [
    `Merging each method into one weight of 4096 x 4096: at how many methods Weft is faster; in brackets: how many times as fast it is in the median. Method by method: [docs/BENCH.md](docs/BENCH.md#methods).`,
    markdownTable(
      ['', ...others.map((name) => `than ${name}`)],
      ours.map((name) => [name, ...others.map((other) => tally(found, name, other))]),
    ),
  ];
};

/** The largest products stand for the others. */
const products = (found: Found): ReadonlyArray<string> =>
  tableBesideTfjs(
    found,
    'Matrix products on one thread',
    found.rows.filter(({ name }) => name.startsWith('1024')),
  );

const headlines: Readonly<Record<string, (found: Found) => ReadonlyArray<string>>> = {
  training,
  methods,
  gemm: products,
};

/** The section of README. */
export const readmeSection = ({ merge, compared }: Results): string => {
  const machines = [...(merge === undefined ? [] : [merge]), ...compared];
  const newest = machines.toSorted((a, b) => (a.date < b.date ? -1 : 1)).at(-1);
  return [
    '## Speed and memory',
    ...(merge === undefined ? [] : mergeSection(merge, (name) => !/r=(8|64)\b/.test(name))),
    ...Object.keys(headlines).flatMap((name) => {
      const found = compared.find(({ bench }) => bench === name);
      return found === undefined ? [] : (headlines[name]?.(found) ?? []);
    }),
    ...(merge === undefined ? [] : ['![Merge: seconds beside cp and PEFT](bench/results/merge.svg)']),
    `${newest === undefined ? '' : `Measured on ${machineLine(newest.machine)}. `}All numbers, with versions and ranges: [docs/BENCH.md](docs/BENCH.md) and [bench/results](bench/results). \`npm run bench\` repeats them; compare ratios, not seconds.`,
  ].join('\n\n');
};

const section = (found: Found, after: ReadonlyArray<string>): ReadonlyArray<string> => {
  const [times, memory] = [timeTable(found), memoryTable(found)];
  return [
    `## ${found.bench}`,
    `${found.title}, in ${unitOf(found)}; medians of up to ${found.rounds} interleaved rounds; ${RATIO}; difference: the largest, relative to the largest number.`,
    markdownTable(times.header, times.rows),
    ...(memory === undefined
      ? []
      : ['Peak resident memory of the process, in MB:', markdownTable(memory.header, memory.rows)]),
    ...after,
    `![${found.title}](../bench/results/${found.bench}.svg)`,
    `${machineLine(found.machine, found.versions)}; ${found.date.slice(0, 10)}.`,
  ];
};

/** The page. `after` holds what follows a bench's tables, by its name. */
export const benchPage = (
  { merge, compared }: Results,
  after: Readonly<Record<string, ReadonlyArray<string>>>,
): string =>
  [
    '# Benches',
    'Generated by `npm run docs:bench` from `bench/results`; not written by hand.',
    ...(merge === undefined
      ? []
      : [
          '## merge',
          ...mergeSection(merge),
          '![Merge](../bench/results/merge.svg)',
          `${machineLine(merge.machine, merge.python)}; ${merge.date.slice(0, 10)}.`,
        ]),
    ...compared.flatMap((found) => section(found, after[found.bench] ?? [])),
  ].join('\n\n');

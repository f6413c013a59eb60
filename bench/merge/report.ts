/**
 * What the merge bench found, for people, as data and as a chart.
 */
import type { Bar, Panel } from '../chart.js';
import { captionOf, type Machine } from '../machine.js';
import type { Report } from '../report.js';
import { median, medianRatio, sampleOf, type Sample } from '../statistics.js';
import { digits, table } from '../table.js';
import { cp, durableCp, type Told } from './contenders.js';
import type { Difference } from './difference.js';
import type { Geometry } from './model.js';

/** One run of one contender. */
export type Run = Omit<Told, 'stdout'> & { readonly name: string };

/** Everything that was measured. */
export interface Found {
  readonly machine: Machine;
  readonly python: Readonly<Record<string, string>> | undefined;
  readonly geometry: Geometry;
  readonly ranks: ReadonlyArray<number>;
  /** The contender of ours that the others are measured by. */
  readonly compared: string;
  readonly baseBytes: number;
  /** Of these, how many a merge changes. */
  readonly changedBytes: number;
  /** Of each rank. */
  readonly adapterBytes: ReadonlyArray<number>;
  readonly runs: ReadonlyArray<Run>;
  readonly difference: Difference | undefined;
}

/** Peak memory that a merge must stay below, in bytes, whatever the checkpoint's size. */
const MEMORY_BOUND = 150e6;

interface Summary {
  readonly name: string;
  readonly seconds: Sample;
  readonly cpuSeconds: number | undefined;
  /** The largest of all runs. */
  readonly peakRss: number | undefined;
}

const medianOf = (values: ReadonlyArray<number | undefined>): number | undefined => {
  const known = values.filter((v) => v !== undefined);
  return known.length === 0 ? undefined : median(known);
};

const summary = (name: string, runs: ReadonlyArray<Run>, secondsOf: (run: Run) => number): Summary => {
  const peaks = runs.flatMap((r) => r.peakRss ?? []);
  return {
    name,
    seconds: sampleOf(runs.map(secondsOf)),
    cpuSeconds: medianOf(runs.map((r) => r.cpuSeconds)),
    peakRss: peaks.length === 0 ? undefined : Math.max(...peaks),
  };
};

/**
 * Contenders in the order of their first run; those that tell it once more without the time until they begin to work, and from there until
 * all is written but not yet durable.
 */
const summaries = ({ runs }: Found): ReadonlyArray<Summary> =>
  [...new Set(runs.map((r) => r.name))].flatMap((name) => {
    const own = runs.filter((r) => r.name === name);
    const whole = summary(name, own, (r) => r.seconds);
    if (own.every((r) => r.start === undefined)) return [whole];
    const alone = summary(`${name}, its work alone`, own, (r) => r.seconds - (r.start ?? 0));
    if (own.some((r) => r.written === undefined)) return [whole, alone];
    return [whole, alone, summary(`${name}, until all is written`, own, (r) => r.written as number)];
  });

const megabytes = (bytes: number | undefined): string => (bytes === undefined ? '-' : (bytes / 1e6).toFixed(0));

const isOurs = (name: string): boolean => name.startsWith('weft');

const bar = (name: string, value: number, text: string): Bar => ({ label: name, value, text, ours: isOurs(name) });

const panels = (rows: ReadonlyArray<Summary>, copy: Sample): ReadonlyArray<Panel> => {
  const known = rows.filter((r) => r.peakRss !== undefined && !/(alone|written)$/.test(r.name));
  return [
    {
      title: 'Time, from the start of the process until the files are durable, or until all is written',
      axis: 'seconds (median)',
      bars: rows.map((r) =>
        bar(
          r.name,
          r.seconds.median,
          `${digits(r.seconds.median)} s, ${digits(medianRatio(r.seconds, copy))} x cp + fsync`,
        ),
      ),
    },
    ...(known.length === 0
      ? []
      : [
          {
            title: 'Peak resident memory of the process, mapped files included',
            axis: 'MB (largest of all runs)',
            bars: known.map((r) => bar(r.name, (r.peakRss as number) / 1e6, `${megabytes(r.peakRss)} MB`)),
            mark: { value: MEMORY_BOUND / 1e6, label: `${megabytes(MEMORY_BOUND)} MB` },
          },
        ]),
  ];
};

const sameness = (d: Difference | undefined): ReadonlyArray<string> =>
  d === undefined
    ? []
    : [
        `Weft's result against PEFT's: ${d.different} of ${d.elements} numbers differ` +
          (d.different === 0 ? '' : `, by at most ${d.maxUlps} bf16 step${d.maxUlps === 1 ? '' : 's'}`),
      ];

const runsText = (count: number): string => (count === 1 ? '1 run' : `${count} interleaved runs`);

/** The report of the merge bench. */
export const reportOf = (found: Found): Report => {
  const rows = summaries(found);
  const named = (name: string): Summary => rows.find((r) => r.name === name) as Summary;
  const [cached, copy, ours] = [named(cp.name), named(durableCp.name), named(found.compared)];
  const { geometry, ranks, baseBytes, adapterBytes } = found;
  const count = ours.seconds.values.length;
  const what = `${megabytes(baseBytes)} MB of bf16 (${geometry.layers} layers of ${geometry.hidden}), LoRA on all linear layers, ${ranks.map((r, i) => `r=${r} (${megabytes(adapterBytes[i])} MB)`).join(', ')}`;
  const cells = rows.map((r) => [
    r.name,
    digits(medianRatio(r.seconds, cached.seconds)),
    digits(medianRatio(r.seconds, copy.seconds)),
    digits(medianRatio(r.seconds, ours.seconds)),
    digits(r.seconds.median),
    `${digits(r.seconds.min)} - ${digits(r.seconds.max)}`,
    r.cpuSeconds === undefined ? '-' : digits(r.cpuSeconds),
    megabytes(r.peakRss),
  ]);
  const within = rows.every((r) => !isOurs(r.name) || r.peakRss === undefined || r.peakRss < MEMORY_BOUND);
  return {
    name: 'merge',
    data: {
      ...found,
      date: new Date().toISOString(),
      ratios: Object.fromEntries(
        rows.map((r) => [
          r.name,
          {
            toCp: medianRatio(r.seconds, cached.seconds),
            toDurableCp: medianRatio(r.seconds, copy.seconds),
            toWeft: medianRatio(r.seconds, ours.seconds),
          },
        ]),
      ),
      summaries: rows,
    },
    chart: {
      title: `Merging ${megabytes(baseBytes)} MB of bf16 with LoRA`,
      panels: panels(rows, copy.seconds),
      caption: [`${runsText(count)}. ${what}.`, ...captionOf(found.machine, found.python)],
    },
    text: [
      `merge: ${what}; ${runsText(count)}`,
      table(['', 'x cp', 'x cp + fsync', `x ${ours.name}`, 'median s', 'range s', 'CPU s', 'peak RSS MB'], cells),
      ...sameness(found.difference),
      `peak RSS is VmHWM of the process, read from /proc every 10 ms${within ? '' : '; ABOVE THE BOUND OF 150 MB'}`,
      ...captionOf(found.machine, found.python),
    ].join('\n'),
  };
};

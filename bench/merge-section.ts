/**
 * The merge bench's JSON, and what documents say of it.
 */
import * as t from 'io-ts';
import { E } from '../src/fp.js';
import { fail, type Result } from '../src/problem.js';
import { Machine } from './machine.js';
import { markdownTable } from './present.js';
import { digits } from './table.js';

const MergeFound = t.intersection([
  t.type({
    machine: Machine,
    date: t.string,
    baseBytes: t.number,
    changedBytes: t.number,
    summaries: t.array(
      t.intersection([
        t.type({ name: t.string, seconds: t.type({ median: t.number }) }),
        t.partial({ cpuSeconds: t.number, peakRss: t.number }),
      ]),
    ),
    ratios: t.record(t.string, t.intersection([t.type({ toCp: t.number }), t.partial({ toDurableCp: t.number })])),
  }),
  t.partial({
    python: t.record(t.string, t.string),
    difference: t.type({ elements: t.number, different: t.number, maxUlps: t.number }),
  }),
]);

export type MergeFound = t.TypeOf<typeof MergeFound>;

/** What stands in merge.json, or that it is something else. */
export const decodeMergeFound = (json: unknown): Result<MergeFound> => {
  const found = MergeFound.decode(json);
  return E.isRight(found)
    ? E.right(found.right)
    : fail('merge', 'the results of the merge bench', 'another structure', 'run npm run bench -- --only merge again');
};

/** A table and what it means; `shown` says which contenders are in it. */
export const mergeSection = (
  { baseBytes, changedBytes, summaries, ratios, difference }: MergeFound,
  shown: (name: string) => boolean = () => true,
): ReadonlyArray<string> => [
  `Merging a LoRA (all linear layers) into a bfloat16 checkpoint of ${(baseBytes / 1e6).toFixed(0)} MB, of whose numbers it changes ${((100 * changedBytes) / baseBytes).toFixed(1)} %; medians of interleaved runs:`,
  markdownTable(
    ['', '× `cp`', '× `cp` + fsync', 'seconds', 'CPU seconds', 'peak RSS'],
    summaries
      .filter(({ name }) => shown(name))
      .map(({ name, seconds, cpuSeconds, peakRss }) => [
        name,
        digits(ratios[name]?.toCp ?? NaN),
        digits(ratios[name]?.toDurableCp ?? NaN),
        digits(seconds.median),
        cpuSeconds === undefined ? '' : digits(cpuSeconds),
        peakRss === undefined ? '' : `${(peakRss / 1e6).toFixed(0)} MB`,
      ]),
  ),
  ...(difference === undefined
    ? []
    : [
        `Of ${difference.elements.toLocaleString('en')} numbers, ${difference.different.toLocaleString('en')} differ from PEFT's, by at most ${difference.maxUlps} bfloat16 step.`,
      ]),
];

/**
 * What a bench found, as its JSON holds it.
 */
import * as t from 'io-ts';
import { E } from '../src/fp.js';
import { fail, type Result } from '../src/problem.js';
import { Machine } from './machine.js';
import { medianRatio } from './statistics.js';

const Sample = t.readonly(
  t.type({ median: t.number, min: t.number, max: t.number, values: t.readonlyArray(t.number) }),
);

/**
 * One contender at one case: the time of a run in milliseconds, of preparing it, the largest difference of its numbers from Weft's relative
 * to the largest number, the peak resident memory of its process in bytes; or a note that says why there is nothing.
 */
const Cell = t.readonly(
  t.partial({ ms: Sample, prepareMs: t.number, difference: t.number, peakRss: t.number, note: t.string }),
);

const Row = t.readonly(
  t.intersection([
    t.type({ name: t.string, cells: t.readonly(t.record(t.string, Cell)) }),
    t.partial({ group: t.string, flops: t.number, note: t.string }),
  ]),
);

const Found = t.readonly(
  t.intersection([
    t.type({
      bench: t.string,
      title: t.string,
      date: t.string,
      machine: Machine,
      rounds: t.number,
      contenders: t.readonlyArray(t.string),
      rows: t.readonlyArray(Row),
    }),
    t.partial({ versions: t.readonly(t.record(t.string, t.string)) }),
  ]),
);

export type Cell = t.TypeOf<typeof Cell>;
export type Row = t.TypeOf<typeof Row>;
export type Found = t.TypeOf<typeof Found>;

/** What stands in a bench's JSON, or that it is something else. */
export const decodeFound = (name: string, json: unknown): Result<Found> => {
  const found = Found.decode(json);
  return E.isRight(found)
    ? E.right(found.right)
    : fail(name, 'the results of a bench', 'another structure', `run npm run bench -- --only ${name} again`);
};

/** The time of a contender by that of another one at the same case; undefined where one of them has none. */
export const ratioOf = ({ cells }: Row, name: string, to: string): number | undefined => {
  const [a, b] = [cells[name]?.ms, cells[to]?.ms];
  return a === undefined || b === undefined ? undefined : medianRatio(a, b);
};

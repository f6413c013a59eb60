/**
 * A bench from its data to its report.
 */
import type { Bench } from './bench.js';
import { captionOf, machine } from './machine.js';
import { measure } from './measure.js';
import { chartOf, memoryTable, timeTable, unitOf, type Drawing } from './present.js';
import type { Report } from './report.js';
import type { Found } from './result.js';
import { table } from './table.js';

/** Measures a bench and says what it found. */
export const compare = async (bench: Bench, drawing: Drawing, interrupted: AbortSignal): Promise<Report> => {
  const rows = await measure(bench, interrupted);
  const found: Found = {
    bench: bench.name,
    title: bench.title,
    date: new Date().toISOString(),
    machine: machine(),
    ...(bench.versions === undefined ? {} : { versions: bench.versions }),
    rounds: bench.rounds,
    contenders: bench.contenders.map(({ name }) => name),
    rows,
  };
  const [times, memory, chart] = [timeTable(found), memoryTable(found), chartOf(found, drawing)];
  return {
    name: bench.name,
    data: found,
    ...(chart === undefined ? {} : { chart }),
    text: [
      `${bench.name}: ${bench.title}; ${unitOf(found)}, medians of up to ${bench.rounds} interleaved rounds; in brackets: how many times as fast ${found.contenders[0]} is`,
      table(times.header, times.rows),
      ...(memory === undefined ? [] : [table(memory.header, memory.rows)]),
      ...captionOf(found.machine, found.versions),
    ].join('\n'),
  };
};

/**
 * The bench of operations: every case on both sides, in turns.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { captionOf, machine } from '../machine.js';
import type { Report } from '../report.js';
import { medianRatio, sampleOf, type Sample } from '../statistics.js';
import { digits, table } from '../table.js';
import type { Side } from './case.js';
import { cases } from './cases.js';
import type { Answer, Question } from './side.js';

/** Options of the bench of operations. */
export interface OpsBenchOptions {
  /** Rounds; in each, every case is timed once on each side. */
  readonly runs: number;
}

interface Row {
  readonly name: string;
  readonly against: string;
  /** Milliseconds. */
  readonly weft: Sample;
  readonly tfjs: Sample;
  /** Median over the rounds of tfjs's time by Weft's: above 1, Weft is faster. */
  readonly speedup: number;
  /** Largest difference of the results, relative to their largest number. */
  readonly difference: number;
}

const start = async (side: Side): Promise<ChildProcess> => {
  const child = fork(fileURLToPath(new URL('side.ts', import.meta.url)), [side]);
  await once(child, 'message');
  return child;
};

const ask = async (child: ChildProcess, question: Question): Promise<Answer> => {
  const ended = new AbortController();
  const exit = once(child, 'exit', { signal: ended.signal }).then(
    () => Promise.reject(new Error(`${cases[question.at]?.name}: the process ended`)),
    () => undefined,
  );
  child.send(question);
  const answer = await Promise.race([once(child, 'message'), exit]);
  ended.abort();
  return (answer as [Answer])[0];
};

const valuesOf = (a: Answer): ReadonlyArray<number> => ('values' in a ? a.values : []);
const msOf = (a: Answer): number => ('ms' in a ? a.ms : NaN);

const difference = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): number => {
  if (a.length !== b.length) return Infinity;
  const scale = Math.max(...a.map(Math.abs), ...b.map(Math.abs));
  return scale === 0 ? 0 : Math.max(...a.map((x, i) => Math.abs(x - (b[i] as number)))) / scale;
};

const measure = async ({ runs }: OpsBenchOptions): Promise<ReadonlyArray<Row>> => {
  const [weft, tfjs] = [await start('weft'), await start('tfjs')];
  const sides = { weft, tfjs };
  const times = cases.map(() => ({ weft: [] as number[], tfjs: [] as number[] }));
  const differences: number[] = [];
  try {
    for (const at of cases.keys()) {
      const values = { weft: await ask(weft, { at, kind: 'values' }), tfjs: await ask(tfjs, { at, kind: 'values' }) };
      differences.push(difference(valuesOf(values.weft), valuesOf(values.tfjs)));
    }
    for (let run = 0; run < runs; run++) {
      console.error(`bench ops: round ${run + 1} of ${runs}`);
      const order: ReadonlyArray<Side> = run % 2 === 0 ? ['weft', 'tfjs'] : ['tfjs', 'weft'];
      for (const at of cases.keys()) {
        for (const side of order) times[at]?.[side].push(msOf(await ask(sides[side], { at, kind: 'time' })));
      }
    }
  } finally {
    weft.disconnect();
    tfjs.disconnect();
  }
  return cases.map(({ name, against }, at) => {
    const [ours, theirs] = [sampleOf(times[at]?.weft ?? []), sampleOf(times[at]?.tfjs ?? [])];
    const speedup = medianRatio(theirs, ours);
    return { name, against, weft: ours, tfjs: theirs, speedup, difference: differences[at] as number };
  });
};

const reportOf = (rows: ReadonlyArray<Row>, runs: number): Report => {
  const on = machine();
  const slower = rows.filter((r) => r.speedup < 0.95);
  const cells = rows.map((r) => [
    r.name,
    digits(r.speedup),
    digits(r.weft.median),
    digits(r.tfjs.median),
    r.difference.toExponential(0),
    r.against,
  ]);
  return {
    name: 'ops',
    data: { machine: on, date: new Date().toISOString(), rounds: runs, rows },
    chart: {
      title: 'Operations: Weft against plain tfjs on wasm',
      panels: [
        {
          title: "tfjs's time by Weft's (right of 1: Weft is faster)",
          axis: `times as fast, median of ${runs} interleaved rounds, logarithmic`,
          logarithmic: true,
          bars: rows.map((r) => ({
            label: r.name,
            value: r.speedup,
            text: `${digits(r.speedup)} x (${digits(r.weft.median)} ms)`,
            ours: r.speedup >= 0.95,
          })),
        },
      ],
      caption: ['In brackets: the time that Weft takes.', ...captionOf(on)],
    },
    text: [
      `ops: ${rows.length} operations, ${runs} interleaved rounds; x is tfjs's time by Weft's`,
      table(['', 'x', 'weft ms', 'tfjs ms', 'difference', 'tfjs side'], cells),
      slower.length === 0 ? 'nothing is slower than plain tfjs' : `slower: ${slower.map((r) => r.name).join('; ')}`,
      ...captionOf(on),
    ].join('\n'),
  };
};

/** Measures every case. */
export const benchOps = async (options: OpsBenchOptions): Promise<Report> =>
  reportOf(await measure(options), options.runs);

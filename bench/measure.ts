/**
 * Measuring a bench: every case, all its contenders beside each other.
 */
import type { Bench, Case, Contender } from './bench.js';
import { startChild, type Child, type Program } from './child.js';
import type { Answer, Task } from './protocol.js';
import type { Cell, Row } from './result.js';
import { sampleOf } from './statistics.js';

/** Seconds that a process may take to load what it computes with: importing torch on a busy machine takes long. */
const START_LIMIT = 180;

/** Processes by program. */
type Children = Map<Program, Child>;

/** One contender at one case: an error, or what its first run made and took. */
type Entry = { readonly contender: Contender } & (
  | { readonly error: string }
  | { readonly child: Child; readonly prepareMs: number; readonly firstMs: number; readonly values: Numbers }
);

type Numbers = ReadonlyArray<ReadonlyArray<number>>;

type Ready = Exclude<Entry, { readonly error: string }>;

const childOf = (children: Children, program: Program): Child => {
  const known = children.get(program);
  if (known?.alive() === true) return known;
  const child = startChild(program);
  children.set(program, child);
  return child;
};

/** The largest difference, relative to the largest number of each thing: the worst of all of them. */
export const difference = (a: Numbers, b: Numbers): number =>
  a.length !== b.length
    ? Infinity
    : Math.max(
        0,
        ...a.map((x, i) => {
          const y = b[i] as ReadonlyArray<number>;
          if (x.length !== y.length) return Infinity;
          const scale = Math.max(...x.map(Math.abs), ...y.map(Math.abs));
          return scale === 0 ? 0 : Math.max(...x.map((v, j) => Math.abs(v - (y[j] as number)))) / scale;
        }),
      );

const errorOf = (answer: Answer): string => ('error' in answer ? answer.error : 'another answer than asked for');

/** Milliseconds that it takes to prepare a task, or why it cannot be done. */
const prepare = async (child: Child, task: Task, limit: number): Promise<number | string> => {
  const start = await child.ask({ kind: 'start' }, START_LIMIT);
  if ('error' in start) return start.error;
  const started = performance.now();
  const answer = await child.ask({ kind: 'prepare', task }, limit);
  return 'error' in answer ? answer.error : performance.now() - started;
};

/** Prepares the case in the contender's process, unless a contender before has done so, and runs it once. */
const enter = async (
  { task, without }: Case,
  contender: Contender,
  { limit }: Bench,
  children: Children,
  prepared: Map<Child, number | string>,
): Promise<Entry> => {
  const reason = without?.[contender.name];
  if (reason !== undefined) return { contender, error: reason };
  const before = children.get(contender.program);
  const failed = before === undefined ? undefined : prepared.get(before);
  if (typeof failed === 'string') return { contender, error: failed };
  const child = childOf(children, contender.program);
  if (!prepared.has(child)) prepared.set(child, await prepare(child, task, limit));
  const preparation = prepared.get(child) as number | string;
  if (typeof preparation === 'string') return { contender, error: preparation };
  const first = await child.ask({ kind: 'values', variant: contender.variant ?? {} }, limit);
  // Another contender of a process that did not come to an end would not either.
  if (!child.alive()) prepared.set(child, errorOf(first));
  return 'values' in first
    ? { contender, child, prepareMs: preparation, firstMs: first.ms, values: first.values }
    : { contender, error: errorOf(first) };
};

/**
 * Times every contender once a round, each round beginning with another one, until it has used up the budget. Where its first run took longer
 * than that, the first run has to do.
 */
const rounds = async (
  { rounds: count, budget, least, limit }: Bench,
  ready: ReadonlyArray<Ready>,
): Promise<ReadonlyArray<ReadonlyArray<number>>> => {
  const times = ready.map(({ firstMs }) => (firstMs > 1000 * budget ? [firstMs] : []));
  const used = ready.map(({ firstMs }) => (firstMs > 1000 * budget ? Infinity : 0));
  for (let round = 0; round < count; round++) {
    for (let i = 0; i < ready.length; i++) {
      const at = (round + i) % ready.length;
      const { child, contender } = ready[at] as Ready;
      if ((used[at] as number) > 1000 * budget) continue;
      const started = performance.now();
      const answer = await child.ask({ kind: 'time', variant: contender.variant ?? {}, least }, limit);
      if ('ms' in answer) times[at]?.push(answer.ms);
      used[at] = 'ms' in answer ? (used[at] as number) + performance.now() - started : Infinity;
    }
  }
  return times.map((own, i) => (own.length === 0 ? [(ready[i] as Ready).firstMs] : own));
};

const isReady = (entry: Entry): entry is Ready => !('error' in entry);

const measureCase = async (bench: Bench, one: Case, children: Children, interrupted: AbortSignal): Promise<Row> => {
  const prepared = new Map<Child, number | string>();
  const entries: Entry[] = [];
  for (const contender of bench.contenders.toReversed()) {
    interrupted.throwIfAborted();
    entries.unshift(await enter(one, contender, bench, children, prepared));
  }
  const ready = entries.filter(isReady);
  const times = await rounds(bench, ready);
  const alike = (contender: Contender): Ready | undefined =>
    ready.find((r) => r.contender.name === (contender.like ?? bench.contenders[0]?.name));
  const cellOf = (entry: Entry): Cell => {
    if (!isReady(entry)) return { note: entry.error };
    const [like, peakRss] = [alike(entry.contender), entry.child.peakRss()];
    const apart = like === undefined ? undefined : difference(like.values, entry.values);
    if (apart !== undefined && !Number.isFinite(apart)) return { note: 'its numbers cannot be compared' };
    return {
      ms: sampleOf(times[ready.indexOf(entry)] as ReadonlyArray<number>),
      prepareMs: entry.prepareMs,
      ...(apart === undefined ? {} : { difference: apart }),
      ...(bench.fresh === true && peakRss !== undefined ? { peakRss } : {}),
    };
  };
  const { name, group, flops, note } = one;
  const told = Object.entries({ group, flops, note }).filter(([, value]) => value !== undefined);
  return {
    name,
    ...Object.fromEntries(told),
    cells: Object.fromEntries(entries.map((entry) => [entry.contender.name, cellOf(entry)])),
  };
};

/** Measures every case; tells where it is on stderr. */
export const measure = async (bench: Bench, interrupted: AbortSignal): Promise<ReadonlyArray<Row>> => {
  const children: Children = new Map();
  const stop = (): void => {
    children.forEach((child) => child.stop());
    children.clear();
  };
  const rows: Row[] = [];
  interrupted.addEventListener('abort', stop);
  try {
    for (const [i, one] of bench.cases.entries()) {
      console.error(`bench ${bench.name}: ${i + 1} of ${bench.cases.length}, ${one.name}`);
      rows.push(await measureCase(bench, one, children, interrupted));
      interrupted.throwIfAborted();
      if (bench.fresh === true) stop();
    }
  } finally {
    interrupted.removeEventListener('abort', stop);
    stop();
  }
  return rows;
};

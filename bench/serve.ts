/**
 * A contender in Node: serve.ts MODULE START. Answers the questions of protocol.ts with the module's `prepare`.
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { spread, type Made, type Prepare, type Run, type Start } from './made.js';
import { MAX_REPETITIONS, type Answer, type Question, type Variant } from './protocol.js';

const ANSWERS = 3;

const [module = '', json = ''] = process.argv.slice(2);
const start = JSON.parse(json) as Start;
const { prepare } = (await import(new URL(module, import.meta.url).href)) as { readonly prepare: Prepare };

const timed = async (run: Run, variant: Variant): Promise<{ readonly ms: number; readonly made: Made }> => {
  const started = performance.now();
  const made = await run(variant);
  return { ms: performance.now() - started, made };
};

/** Milliseconds of a run; what it made is freed. */
const milliseconds = async (run: Run, variant: Variant): Promise<number> => {
  const { ms, made } = await timed(run, variant);
  made.free();
  return ms;
};

const mean = async (run: Run, variant: Variant, least: number): Promise<number> => {
  const first = await milliseconds(run, variant);
  const repetitions = Math.min(MAX_REPETITIONS, Math.floor(least / first));
  if (repetitions < 2) return first;
  let sum = 0;
  for (let i = 0; i < repetitions; i++) sum += await milliseconds(run, variant);
  return sum / repetitions;
};

const values = async (run: Run, variant: Variant): Promise<Answer> => {
  const { ms, made } = await timed(run, variant);
  const found = made.values().map(spread);
  made.free();
  return { ms, values: found };
};

const prepared: { run: Run } = { run: () => Promise.reject(new Error('nothing is prepared')) };

const answer = async (question: Question): Promise<Answer> => {
  switch (question.kind) {
    case 'start':
      return {};
    case 'prepare':
      prepared.run = await prepare(question.task, start);
      return {};
    case 'values':
      return values(prepared.run, question.variant);
    case 'time':
      return { ms: await mean(prepared.run, question.variant, question.least) };
  }
};

for await (const line of createInterface({ input: process.stdin })) {
  const given = await answer(JSON.parse(line) as Question).catch((error: Error) => ({
    error: error.message.slice(0, 500),
  }));
  writeSync(ANSWERS, `${JSON.stringify(given)}\n`);
}
process.exit(0);

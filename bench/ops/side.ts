/**
 * One side of the comparison, in a process of its own that answers to the bench: side.ts weft|tfjs.
 *
 * Both are tfjs's wasm backend. `weft` starts it with the kernels that Weft mends; `tfjs` as tfjs ships it, with tfjs's own
 * gradients.
 */
import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { E } from '../../src/fp.js';
import { useBackend } from '../../src/ops/backend.js';
import type { Tensor } from '../../src/ops/tensor.js';
import { renderProblems } from '../../src/problem.js';
import type { Case, Made, Side } from './case.js';
import { cases } from './cases.js';

/** What the bench asks. */
export interface Question {
  /** Index of a case. */
  readonly at: number;
  readonly kind: 'time' | 'values';
}

/** Milliseconds of one run, or at most 1000 numbers of what it made, spread evenly. */
export type Answer = { readonly ms: number } | { readonly values: ReadonlyArray<number> };

const MIN_MS = 60;
const MAX_REPETITIONS = 500;
const MAX_VALUES = 1000;

const startStock = async (): Promise<void> => {
  const require = createRequire(import.meta.url);
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}${sep}`);
  // tfjs-core registers no gradients in Node by itself; these take the place of Weft's.
  require('@tensorflow/tfjs-core/dist/register_all_gradients.js');
  await tf.setBackend('wasm');
};

const startWeft = async (): Promise<void> => {
  const started = await useBackend('wasm');
  if (E.isLeft(started)) throw new Error(renderProblems(started.left));
};

const side: Side = process.argv[2] === 'weft' ? 'weft' : 'tfjs';
await (side === 'weft' ? startWeft() : startStock());

const isArray = (made: Made): made is Float32Array | Uint8Array => ArrayBuffer.isView(made);

const free = (made: Made): void => {
  if (!isArray(made)) tf.dispose([...made]);
};

const valuesOf = (made: Made, { inOurLayout }: Case): ReadonlyArray<number> => {
  const comparable = side === 'weft' || inOurLayout === undefined ? (t: Tensor): Tensor => t : inOurLayout;
  const all = isArray(made) ? [made] : made.map((t) => comparable(t).dataSync());
  const each = Math.ceil(MAX_VALUES / all.length);
  return all.flatMap((values) => {
    const step = Math.max(1, Math.floor(values.length / each));
    return Array.from({ length: Math.floor(values.length / step) }, (_, i) => values[i * step] as number);
  });
};

const once = (run: () => Made): number => {
  const started = performance.now();
  const made = run();
  const ms = performance.now() - started;
  free(made);
  return ms;
};

/** A case that is ready, and how often it runs for one answer. */
interface Ready {
  readonly run: () => Made;
  readonly repetitions: number;
}

const makeReady = (at: number): Ready => {
  const run = (cases[at] as Case).prepare(side);
  once(run);
  // The second run is warm.
  return { run, repetitions: Math.min(MAX_REPETITIONS, Math.max(1, Math.ceil(MIN_MS / once(run)))) };
};

const ready = new Map<number, Ready>();

const answer = ({ at, kind }: Question): Answer => {
  const { run, repetitions } = ready.get(at) ?? makeReady(at);
  ready.set(at, { run, repetitions });
  if (kind === 'values') {
    const made = run();
    const values = valuesOf(made, cases[at] as Case);
    free(made);
    return { values };
  }
  let ms = 0;
  for (let i = 0; i < repetitions; i++) ms += once(run);
  return { ms: ms / repetitions };
};

process.on('message', (question: Question) => process.send?.(answer(question)));
process.on('disconnect', () => process.exit(0));
process.send?.('ready');

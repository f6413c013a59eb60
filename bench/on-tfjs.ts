/**
 * Contenders that compute on tfjs's wasm backend: Weft with the kernels that it mends, and tfjs as it is shipped.
 */
import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { E } from '../src/fp.js';
import { useBackend } from '../src/ops/backend.js';
import { renderProblems } from '../src/problem.js';
import type { Prepare, Run, Side, Start } from './made.js';
import type { Task } from './protocol.js';

const startStock = async (): Promise<void> => {
  const require = createRequire(import.meta.url);
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}${sep}`);
  // tfjs-core registers no gradients in Node by itself; these take the place of Weft's.
  require('@tensorflow/tfjs-core/dist/register_all_gradients.js');
  await tf.setBackend('wasm');
};

const startWeft = async ({ gemm = 'plain', threads }: Start): Promise<void> => {
  const started = await useBackend('wasm', { gemm, ...(threads === undefined ? {} : { threads }) });
  if (E.isLeft(started)) throw new Error(renderProblems(started.left));
};

const state = { started: false };

/** Starts the side at the first task, and frees every tensor of the task before. */
export const onTfjs =
  (prepare: (task: Task, side: Side) => Run | Promise<Run>): Prepare =>
  async (task, start) => {
    const side = start.side === 'weft' ? 'weft' : 'tfjs';
    if (state.started) tf.engine().endScope();
    else await (side === 'weft' ? startWeft(start) : startStock());
    state.started = true;
    tf.engine().startScope('task');
    return prepare(task, side);
  };

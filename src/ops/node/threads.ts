/**
 * `#threads` in Node.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Enrolled, Platform, Thread } from '../threads/platform.js';
import { startWorker } from './worker.js';

const startThread = (enrolled: Enrolled): Thread => {
  const worker = startWorker('team-thread', import.meta.url, { workerData: enrolled });
  const ready = new Promise<string | undefined>((resolve) => {
    worker.once('message', (trouble: string | undefined) => {
      // It waits for calls for ever; until now the process had to wait for it.
      worker.unref();
      resolve(trouble);
    });
    worker.once('error', (error) => resolve(error.message));
    worker.once('exit', (code) => resolve(`a thread that ended with code ${code}`));
  });
  return { ready, stop: () => worker.terminate() };
};

const readTfjs: Platform['readTfjs'] = (name, folder) =>
  readFile(
    folder === undefined
      ? createRequire(import.meta.url).resolve(`@tensorflow/tfjs-backend-wasm/dist/${name}`)
      : join(folder, name),
  );

/** See `Platform`. */
export const platform: Platform | undefined = { startThread, readTfjs };

/**
 * `#threads` in Node.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Enrolled, Platform, Thread } from '../threads/platform.js';

/** Starts team-thread.ts; from source, as in tests, through the loader for TypeScript. */
const startWorker = (workerData: Enrolled): Worker => {
  const here = import.meta.url;
  if (!here.endsWith('.ts')) return new Worker(new URL('./team-thread.js', here), { workerData });
  const file = new URL('./team-thread.ts', here).href;
  const code = `import('tsx/esm/api').then((tsx) => tsx.tsImport(${JSON.stringify(file)}, ${JSON.stringify(here)}))`;
  return new Worker(code, { eval: true, execArgv: ['--conditions=weft-source'], workerData });
};

const startThread = (enrolled: Enrolled): Thread => {
  const worker = startWorker(enrolled);
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

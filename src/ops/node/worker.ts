/**
 * Threads of Node whose code is a module of Weft.
 */
import { Worker, type ResourceLimits } from 'node:worker_threads';

/** What a thread is started with. */
export interface WorkerStart {
  readonly workerData: unknown;
  /** Bounds of its memory; from source, where the loader for TypeScript takes more, there are none. */
  readonly resourceLimits?: ResourceLimits;
}

/**
 * Starts the module `name` that lies beside the one at `here`; from source, as in tests, through the loader for TypeScript.
 *
 * @param here `import.meta.url` of the caller, which is a bundle's where it is bundled
 */
export const startWorker = (name: string, here: string, { workerData, ...limits }: WorkerStart): Worker => {
  if (!here.endsWith('.ts')) return new Worker(new URL(`./${name}.js`, here), { ...limits, workerData });
  const module = new URL(`./${name}.ts`, here).href;
  const code = `import('tsx/esm/api').then((tsx) => tsx.tsImport(${JSON.stringify(module)}, ${JSON.stringify(here)}))`;
  return new Worker(code, { eval: true, execArgv: ['--conditions=weft-source'], workerData });
};

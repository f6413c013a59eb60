/**
 * The cases on tfjs as it ships, in a process of its own: stock.ts cpu|wasm. Prints a line for each answer as it comes, since a
 * case may end the process.
 */
import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { answer, gradientCases, gradientOf, kernelCases } from './cases.js';

const backend = process.argv[2] as string;
const require = createRequire(import.meta.url);
require('@tensorflow/tfjs-core/dist/register_all_gradients.js');
require('@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js');
if (backend === 'wasm') {
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}${sep}`);
} else await import('@tensorflow/tfjs-backend-cpu');
await tf.setBackend(backend);

const say = (name: string, found: unknown): void => console.log(JSON.stringify([name, found]));
for (const c of gradientCases)
  say(
    c.name,
    answer(() => gradientOf(c, { tf, grad: tf.grad })),
  );
for (const { name, f } of kernelCases)
  say(
    name,
    answer(() => f(tf)),
  );

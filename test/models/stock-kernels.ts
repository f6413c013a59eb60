/**
 * LoRA gradients on the wasm kernels that tfjs ships, with Weft's gradient rules, in a process of its own: no backend of Weft's is
 * started, so nothing is mended. Prints one line of JSON.
 */
import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { bases, loraGradients } from './lora-gradients.js';

const require = createRequire(import.meta.url);
setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}${sep}`);
await tf.setBackend('wasm');
if (tf.getKernel('Einsum', 'wasm') !== undefined) throw new Error('the kernels are mended');

const found = bases.map((base) => {
  const grads = loraGradients(base);
  return [
    base,
    Object.fromEntries(Object.entries(grads).map(([name, t]) => [name, Array.from(t.dataSync())])),
  ] as const;
});
console.log(JSON.stringify(Object.fromEntries(found)));

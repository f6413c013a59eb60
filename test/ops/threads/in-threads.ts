/** Large operations on a backend with three threads, in a process of its own, whose memory they share. Prints a line of JSON. */
import { createHash } from 'node:crypto';
import { E } from '../../../src/fp.js';
import { read, tensorOf, useBackend } from '../../../src/ops/backend.js';
import { tf } from '../../../src/ops/tf.js';
import { renderProblems } from '../../../src/problem.js';
import { largeResults } from './large.js';

const start = async (options: { readonly threads?: number }): Promise<void> => {
  const started = await useBackend('wasm', options);
  if (E.isLeft(started)) throw new Error(renderProblems(started.left));
};

/** Hashes of the results by name. */
const hashes = async (): Promise<Readonly<Record<string, string>>> =>
  Object.fromEntries(
    Object.entries(await largeResults()).map(([name, x]) => [name, createHash('sha256').update(x).digest('hex')]),
  );

await start({ threads: 3 });
const three = await hashes();
// the memory grows while threads know it
const zeros = tensorOf(new Float32Array(2 ** 24), [2 ** 12, 2 ** 12]);
const grown = await hashes();
const sum = (await read(tf.sum(tf.matMul(tf.slice(zeros, [0, 0], [32, -1]), zeros))))[0];
await start({ threads: 2 });
const two = await hashes();
await start({});
console.log(JSON.stringify({ three, grown, sum, two, one: await hashes() }));

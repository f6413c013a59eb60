/**
 * A matrix product in jax-js.
 */
import { defaultDevice, init, jit, numpy as np } from '@jax-js/jax';
import { hashed } from '../hashed.js';
import type { Prepare } from '../made.js';
import type { Product } from './product.js';

// jax-js asks the browser for its number of cores.
globalThis.navigator ??= {} as Navigator;
await init('wasm');
defaultDevice('wasm');

const swapped = (x: np.Array): np.Array => np.swapaxes(x, -1, -2);

export const prepare: Prepare = (task) => {
  const { a, b, transposeA, transposeB } = task as Product;
  const x = np.array(hashed(1, a), { shape: [...a] });
  const y = np.array(hashed(2, b), { shape: [...b] });
  const product = jit((p: np.Array, q: np.Array) =>
    np.matmul(transposeA ? swapped(p) : p, transposeB ? swapped(q) : q),
  );
  return async () => {
    const made = product(x.ref, y.ref);
    await made.blockUntilReady();
    return { values: () => [made.ref.dataSync() as Float32Array], free: () => made.dispose() };
  };
};

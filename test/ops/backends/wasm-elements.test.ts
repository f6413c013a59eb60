/** Which build of the kernels of elements a backend has. */
import { afterAll, describe, expect, inject, it } from 'vitest';
import { useBackend } from '../../../src/ops/backend.js';
import { elementsOf } from '../../../src/ops/backends/wasm-elements.js';
import { tf } from '../../../src/ops/tf.js';
import { right } from '../../setup/result.js';

describe.runIf(inject('backend') === 'wasm')('kernels of elements on the wasm backend', () => {
  afterAll(async () => void right(await useBackend('wasm')));

  it('fuse multiply-adds where products may, and only there', async () => {
    const buildOf = async (gemm: 'plain' | 'fma') => {
      right(await useBackend('wasm', { gemm }));
      return elementsOf(tf.backend());
    };
    const plain = await buildOf('plain');
    expect(plain).toBeDefined();
    expect(await buildOf('plain')).toBe(plain);
    expect(await buildOf('fma')).not.toBe(plain);
    const fused = elementsOf(tf.backend());
    expect(await buildOf('plain')).not.toBe(fused);
  });
});

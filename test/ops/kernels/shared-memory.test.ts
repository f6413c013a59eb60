/** Modules made to work on shared memory. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { wasm as columns } from '../../../src/ops/kernels/columns-wasm.js';
import { wasm as elements } from '../../../src/ops/kernels/elements-wasm.js';
import { wasm as gemm } from '../../../src/ops/kernels/gemm-wasm.js';
import { wasm as merge } from '../../../src/ops/kernels/merge-wasm.js';
import { withSharedMemory } from '../../../src/ops/kernels/shared-memory.js';

const bytesOf = (base64: string): Uint8Array => Uint8Array.from(Buffer.from(base64, 'base64'));

const tfjs = (name: string): Uint8Array =>
  readFileSync(createRequire(import.meta.url).resolve(`@tensorflow/tfjs-backend-wasm/dist/${name}`));

const shared = (pages: number): WebAssembly.Memory =>
  new WebAssembly.Memory({ initial: pages, maximum: 65536, shared: true } as WebAssembly.MemoryDescriptor);

describe('a module with shared memory', () => {
  it.each([
    ['gemm', gemm],
    ['elements', elements],
    ['columns', columns],
  ])('imports one where it imported another: %s', (_, base64) => {
    const bytes = withSharedMemory(bytesOf(base64)) as Uint8Array<ArrayBuffer>;
    const module = new WebAssembly.Module(bytes);
    expect(() => new WebAssembly.Instance(module, { env: { memory: shared(1) } })).not.toThrow();
    expect(() => new WebAssembly.Instance(module, { env: { memory: new WebAssembly.Memory({ initial: 1 }) } })).toThrow(
      WebAssembly.LinkError,
    );
  });

  it('has its own where it had one', () => {
    const bytes = withSharedMemory(bytesOf(merge)) as Uint8Array<ArrayBuffer>;
    const { memory } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
    expect((memory as WebAssembly.Memory).buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  it.each(['tfjs-backend-wasm-simd.wasm', 'tfjs-backend-wasm.wasm'])("is valid as tfjs's %s", (name) => {
    const bytes = tfjs(name);
    const made = withSharedMemory(bytes) as Uint8Array<ArrayBuffer>;
    expect(WebAssembly.validate(made)).toBe(true);
    expect(Buffer.compare(made, withSharedMemory(made) as Uint8Array)).toBe(0);
    expect(WebAssembly.Module.exports(new WebAssembly.Module(made))).toEqual(
      WebAssembly.Module.exports(new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>)),
    );
  });

  it('is none where there is no memory, and a cut module is refused', () => {
    expect(withSharedMemory(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0))).toBeUndefined();
    expect(() => withSharedMemory(bytesOf(merge).subarray(0, 9))).toThrow(RangeError);
  });
});

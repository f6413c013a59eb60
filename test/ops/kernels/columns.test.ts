/** The kernel of images as matrices: what it does is tested with convolutions. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { source, wasm } from '../../../src/ops/kernels/columns-wasm.js';

it('is compiled from the source that lies here, and brings no data into the memory', () => {
  const text = readFileSync(new URL('../../../kernels/columns.ts', import.meta.url));
  expect(createHash('sha256').update(text).digest('hex'), 'run `npm run kernels`').toBe(source);
  const fresh = new WebAssembly.Memory({ initial: 1 });
  const module = new WebAssembly.Module(Buffer.from(wasm, 'base64'));
  expect(new WebAssembly.Instance(module, { env: { memory: fresh } }).exports).toBeDefined();
  expect(new Uint8Array(fresh.buffer).every((x) => x === 0)).toBe(true);
});

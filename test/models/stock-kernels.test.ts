import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { read } from '../../src/ops/backend.js';
import type { Tensor } from '../../src/ops/tensor.js';
import { bases, loraGradients } from './lora-gradients.js';

type Values = Readonly<Record<string, Readonly<Record<string, ReadonlyArray<number>>>>>;

/** Gradients on stock wasm kernels. */
const stock = (): Values => {
  const script = fileURLToPath(new URL('stock-kernels.ts', import.meta.url));
  const options = ['--import', 'tsx', '--conditions=weft-source'];
  const child = spawnSync(process.execPath, [...options, script], { encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (child.status !== 0) throw new Error(child.stderr);
  return JSON.parse(child.stdout.trim().split('\n').at(-1) as string) as Values;
};

describe('gradients with kernels of ours and with those that tfjs ships', () => {
  const expected = stock();
  it.each(bases)('LoRA on all linear layers of %s', async (base) => {
    const found = loraGradients(base);
    expect(Object.keys(found)).toEqual(Object.keys(expected[base] ?? {}));
    for (const [name, t] of Object.entries(found)) {
      const wanted = expected[base]?.[name] as ReadonlyArray<number>;
      const scale = wanted.reduce((top, x) => Math.max(top, Math.abs(x)), 0);
      expect(scale).toBeGreaterThan(0);
      expect(await read(t as Tensor)).toBeAllClose(wanted, { rtol: 1e-5, atol: 1e-5 * scale });
    }
  });
});

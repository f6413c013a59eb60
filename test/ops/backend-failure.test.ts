/**
 * Backends that cannot start, each in a process of its own: tfjs does not start a backend twice.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, inject, it } from 'vitest';

const run = promisify(execFile);

/** Runs a module in which `useBackend` and `report` are in scope, and gives what it reported. */
const script = async (body: string, env: Readonly<Record<string, string>> = {}): Promise<unknown> => {
  const source = `
    const { useBackend, currentBackend, tensorOf, read } = await import('./src/ops/backend.ts');
    const report = (x) => console.log('REPORT ' + JSON.stringify(x));
    ${body}`;
  const { stdout } = await run(
    process.execPath,
    ['--conditions=weft-source', '--import', 'tsx', '--input-type=module', '--eval', source],
    {
      env: { ...process.env, ...env },
    },
  );
  return JSON.parse(/^REPORT (.*)$/m.exec(stdout)?.[1] ?? 'null');
};

describe.runIf(inject('backend') === 'cpu')('backends that cannot start', () => {
  it('wasm without its files is a problem, and others still start', async () => {
    const found = await script(`
      const failed = await useBackend('wasm', { wasmPath: '/nowhere/' });
      const none = currentBackend() ?? 'none';
      const again = await useBackend('wasm');
      const cpu = await useBackend('cpu');
      report([failed._tag, failed.left[0], none, again._tag, cpu._tag, currentBackend(), [...await read(tensorOf(Float32Array.of(7), [1]))]]);`);
    expect(found).toEqual([
      'Left',
      expect.objectContaining({ at: 'backend wasm', expected: '.wasm files under /nowhere/', found: 'none that load' }),
      'none',
      'Left',
      'Right',
      'cpu',
      [7],
    ]);
  });

  it('webgpu without an adapter is a problem, and the backend before stays', async () => {
    const found = await script(
      `await useBackend('wasm');
       const failed = await useBackend('webgpu');
       report([failed.left?.[0].expected, currentBackend(), [...await read(tensorOf(Float32Array.of(7), [1]))]]);`,
      { VK_ICD_FILENAMES: '/nowhere.json' },
    );
    expect(found).toEqual(['a GPU adapter', 'wasm', [7]]);
  });
});

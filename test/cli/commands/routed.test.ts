/** Adapters that route, on the command line. */
import { copyFile, cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { init } from '../../../src/adapters/init.js';
import { poly } from '../../../src/adapters/methods/poly.js';
import { openModel } from '../../../src/io/model.js';
import { saveAdapter } from '../../../src/io/peft.js';
import { dispose } from '../../../src/ops/backend.js';
import { key } from '../../../src/ops/random.js';
import { temporaryFolder } from '../../io/folder.js';
import { right } from '../../setup/result.js';
import { golden, llama } from '../fixtures.js';
import { run } from '../run.js';

const generate = (adapter: string, ...more: ReadonlyArray<string>) => {
  const what = ['--base', llama.base, '--adapter', adapter, '--input-ids', '4,5,9', '--max-new-tokens', '3'];
  return run('generate', ...what, '--backend', inject('backend'), ...more);
};

describe('routed adapters', () => {
  it('asks for the task of a text, one of the adapter', async () => {
    const { spec, checkpoint } = right(await openModel(llama.base));
    await checkpoint.close();
    const config = { target_modules: ['q_proj'], r: 2, n_tasks: 3, init_weights: false };
    const leaf = right(init(poly, config, { spec, key: key(1) }));
    const folder = join(await temporaryFolder(), 'poly');
    right(await saveAdapter(folder, leaf));
    dispose(leaf.params);
    expect((await generate(folder, '--task-id', '2')).code).toBe(0);
    for (const [given, found] of [
      [[], 'no such option'],
      [['--task-id', '3'], '3'],
    ] as const) {
      const refused = await generate(folder, ...given);
      expect(refused.code).toBe(1);
      expect(refused.err).toContain('a task from 0 to 2');
      expect(refused.err).toContain(found);
    }
    expect((await generate(folder, '--task-id', '1,2')).err).toContain('one task');
    const logits = ['--out', join(await temporaryFolder(), 'logits.safetensors')];
    const at = ['logits', '--base', llama.base, '--adapter', folder, '--input-ids', '4,5', ...logits];
    expect((await run(...at)).err).toContain('a task from 0 to 2');
    expect((await run(...at, '--task-id', '0', '--backend', inject('backend'))).code).toBe(0);
  });

  it('finds the experts of X-LoRA in its folder', async () => {
    const folder = golden('lm/llama-xlora');
    expect((await generate(folder)).code).toBe(0);
    const seen = (await run('inspect', folder, '--base', llama.base, '--json')).json();
    expect(seen).toMatchObject({ method: 'XLORA', algebra: 'routed', mergeable: false, trainable: 66 });
  });

  it('runs models with a shadow, also with one of another architecture, and does not merge them', async () => {
    for (const id of ['lm/llama-shadow', 'lm/llama-shadow-qwen3']) {
      const folder = golden(id);
      expect((await generate(folder)).code).toBe(0);
      const seen = (await run('inspect', folder, '--base', llama.base, '--json')).json();
      expect(seen).toMatchObject({ method: 'SHADOW', supported: true, algebra: 'routed', mergeable: false });
      expect((await run('inspect', folder)).out).not.toContain('supported');
      const merge = ['merge', '--base', llama.base, '--adapter', folder, '--out', join(await temporaryFolder(), 'out')];
      const refused = await run(...merge, '--backend', inject('backend'));
      expect(refused.code).toBe(1);
      expect(refused.err).toContain('which no single weight can hold');
    }
  });

  it('takes experts from other folders, by name', async () => {
    const whole = golden('lm/llama-xlora');
    const [alone, elsewhere] = [join(await temporaryFolder(), 'router'), join(await temporaryFolder(), 'a=b')];
    await mkdir(alone);
    for (const file of ['adapter_config.json', 'adapter_model.safetensors'])
      await copyFile(join(whole, file), join(alone, file));
    await cp(join(whole, '1'), elsewhere, { recursive: true });
    const given = ['--expert', `0=${join(whole, '0')}`, '--expert', `1=${elsewhere}`];
    const found = await generate(alone, ...given);
    expect(found.code).toBe(0);
    expect(found.out).toBe((await generate(whole)).out);
    const seen = (await run('inspect', alone, '--base', llama.base, '--json', ...given)).json();
    expect(seen).toMatchObject({ method: 'XLORA', trainable: 66 });
    for (const [command, more] of [
      ['inspect', [alone]],
      ['generate', ['--base', llama.base, '--adapter', alone, '--input-ids', '4']],
    ] as const) {
      expect((await run(command, ...more)).err).toContain('--expert 0=<dir>');
      const unknown = await run(command, ...more, ...given, '--expert', '2=.');
      expect(unknown).toMatchObject({ code: 1 });
      expect(unknown.err).toContain('one of the experts 0, 1');
      expect((await run(command, ...more, '--expert', '0')).err).toContain('<name>=<dir>');
    }
    const none = await run('inspect', golden('lm/llama-lora-default'), '--expert', '0=.');
    expect(none.err).toContain('an adapter with experts (X-LoRA)');
  });
});

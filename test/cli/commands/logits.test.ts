/** Forward passes on the command line. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder, tree } from '../../io/folder.js';
import { fullRow, golden, llama, readFile, valuesIn, withoutForward } from '../fixtures.js';
import { run } from '../run.js';

const logits = (base: string, ids: ReadonlyArray<number> | string, out: string, ...more: ReadonlyArray<string>) =>
  run('logits', '--base', base, '--input-ids', String(ids), '--out', out, ...more);

describe('weft logits', () => {
  it.each(['llama', 'gpt2', 'qwen2'])('writes what PEFT computes with %s', async (base) => {
    const [folder, adapter] = [temporaryFolder(), golden(`lm/${base}-lora-default`)];
    const { ids, part } = fullRow(`lm/${base}-lora-default`);
    const [plain, attached, merged] = ['plain', 'attached', 'merged'].map((n) => join(folder, `${n}.safetensors`));
    const { code, json } = await logits(golden(`bases/${base}`), ids, plain!, '--json');
    expect(code).toBe(0);
    expect(json()).toMatchObject({ shape: [1, ids.length, 96], merged: false, expression: 'identity' });
    expect((await logits(golden(`bases/${base}`), ids, attached!, '--adapter', adapter)).code).toBe(0);
    expect((await logits(golden(`bases/${base}`), ids, merged!, '--adapter', adapter, '--merged')).code).toBe(0);
    expect(valuesIn(plain!, 'logits')).toBeAllClose(part('output.base'), { rtol: 1e-4, atol: 1e-5 });
    expect(valuesIn(attached!, 'logits')).toBeAllClose(part('output.adapted'), { rtol: 1e-4, atol: 1e-5 });
    expect(valuesIn(merged!, 'logits')).toBeAllClose(part('output.merged'), { rtol: 1e-4, atol: 1e-5 });
    expect(valuesIn(attached!, 'logits')).not.toBeAllClose(part('output.base'), { rtol: 1e-4, atol: 1e-5 });
  });

  it('writes logits in float32 and the ids in int64', async () => {
    const out = join(temporaryFolder(), 'y.safetensors');
    await logits(llama.base, '5, 9,40', out);
    const file = readFile(out);
    expect([...file].map(([name, { dtype, shape }]) => [name, dtype, shape])).toEqual([
      ['input_ids', 'I64', [1, 3]],
      ['logits', 'F32', [1, 3, 96]],
    ]);
    expect([...valuesIn(out, 'input_ids')]).toEqual([5, 9, 40]);
  });

  it('runs adapters that change the module tree', async () => {
    const out = join(temporaryFolder(), 'y.safetensors');
    const { ids, part } = fullRow('lm/llama-lora-layer-replication');
    expect((await logits(llama.base, ids, out, '--adapter', golden('lm/llama-lora-layer-replication'))).code).toBe(0);
    expect(valuesIn(out, 'logits')).toBeAllClose(part('output.adapted'), { rtol: 1e-4, atol: 1e-5 });
  });
});

describe('bad input', () => {
  const refuses = async (
    line: Promise<{ readonly code: number; readonly err: string }>,
    code: number,
    ...texts: ReadonlyArray<string>
  ) => {
    const done = await line;
    for (const text of texts) expect(done.err).toContain(text);
    expect(done.code).toBe(code);
  };

  it('refuses ids outside of the vocabulary, all named', async () => {
    const folder = temporaryFolder();
    await refuses(
      logits(llama.base, '1,96,3,1000', join(folder, 'y')),
      1,
      'expected  token ids below 96',
      'found     96',
      'found     1000',
    );
    expect(tree(folder)).toEqual([]);
  });

  it.each(['', '1,,2', '1.5', '-1', 'one', '1 2'])('refuses the ids "%s"', async (ids) => {
    const folder = temporaryFolder();
    await refuses(logits(llama.base, ids, join(folder, 'y')), 2, 'weft logits: --input-ids');
    expect(tree(folder)).toEqual([]);
  });

  it.each(['gpt2', 'opt'])('refuses more tokens than %s has positions', async (base) => {
    const folder = temporaryFolder();
    const ids = Array.from({ length: 65 }, () => 1);
    await refuses(
      logits(golden(`bases/${base}`), ids, join(folder, 'y')),
      1,
      'expected  at most 64 tokens',
      'found     65',
    );
    expect(tree(folder)).toEqual([]);
  });

  it('refuses a model without a forward pass', async () => {
    const folder = temporaryFolder();
    const base = withoutForward(join(temporaryFolder(), 'granite'));
    await refuses(logits(base, '1,2', join(folder, 'y')), 1, 'config.json: model_type');
    expect(tree(folder)).toEqual([]);
  });

  it('refuses to replace a file, unless told to', async () => {
    const out = join(temporaryFolder(), 'y.safetensors');
    writeFileSync(out, 'precious');
    await refuses(logits(llama.base, '1', out), 1, 'expected  a new file', 'add --force');
    await refuses(logits(llama.base, '1', out, '--force'), 0);
    expect(readFile(out).has('logits')).toBe(true);
  });

  it('refuses a folder for --out', async () => {
    await refuses(logits(llama.base, '1', temporaryFolder(), '--force'), 1, 'found     a folder');
  });
});

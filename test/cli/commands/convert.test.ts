import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder, tree } from '../../io/folder.js';
import { editedAdapter, golden, llama, readFile, valuesIn } from '../fixtures.js';
import { run } from '../run.js';

const convert = (base: string, adapter: string, out: string, ...more: ReadonlyArray<string>) =>
  run('convert', '--base', base, '--adapter', adapter, '--out', out, ...more);

const merged = async (base: string, adapter: string, out: string): Promise<string> => {
  const { code, err } = await run('merge', '--base', base, '--adapter', adapter, '--out', out);
  expect(code, err).toBe(0);
  return join(out, 'model.safetensors');
};

/** Both adapters make the same model of a base. */
const expectSame = async (base: string, one: string, two: string): Promise<void> => {
  const folder = temporaryFolder();
  const [x, y] = [await merged(base, one, join(folder, 'x')), await merged(base, two, join(folder, 'y'))];
  for (const name of readFile(x).keys())
    expect(valuesIn(y, name), name).toBeAllClose(valuesIn(x, name), { atol: 2e-5 });
};

describe('weft convert', () => {
  it('writes an adapter that PEFT loads as LoRA, and tells the error of every module', async () => {
    const out = join(temporaryFolder(), 'lora');
    const { code, json, err } = await convert(
      llama.base,
      golden('lm/llama-lora-all-linear'),
      out,
      '--rank',
      '8',
      '--json',
    );
    expect(code, err).toBe(0);
    expect(tree(out)).toEqual(['adapter_config.json', 'adapter_model.safetensors']);
    const { modules, largestRelativeError, exact } = json();
    expect(exact).toBe(false);
    expect(modules).toHaveLength(14);
    expect(modules[0]).toMatchObject({ module: 'model.layers.0.self_attn.q_proj', rank: 8 });
    expect(largestRelativeError).toBeLessThan(1e-5);
    await expectSame(llama.base, golden('lm/llama-lora-all-linear'), out);
  });

  it('gives each module the rank that holds the energy', async () => {
    const out = join(temporaryFolder(), 'lora');
    const { json } = await convert(llama.base, llama.adapter, out, '--energy', '0.5', '--json');
    for (const { relative, rank } of json()['modules']) {
      expect(relative ** 2).toBeLessThanOrEqual(0.5);
      expect(rank).toBeLessThan(8);
    }
    const { out: said } = await run('inspect', out, '--json');
    expect(said).toContain('LORA');
  });

  it('makes plain LoRA of a PiSSA adapter at twice its rank', async () => {
    for (const name of ['lm/llama-lora-pissa', 'lm/llama-lora-olora']) {
      const out = join(temporaryFolder(), 'plain');
      const { code, json, err } = await convert(llama.base, golden(name), out, '--json');
      expect(code, err).toBe(0);
      expect(json()).toMatchObject({ exact: true, modules: [] });
      await expectSame(llama.base, golden(name), out);
    }
  });

  it('converts what depends on the base, reading only the weights that it needs', async () => {
    const out = join(temporaryFolder(), 'lora');
    const { code, json, err } = await convert(llama.base, golden('lm/llama-lora-dora'), out, '--rank', '16', '--json');
    expect(code, err).toBe(0);
    expect(json()['largestRelativeError']).toBeGreaterThan(1e-4);
    expect(json()['largestRelativeError']).toBeLessThan(1);
  });

  it('says what it did', async () => {
    const { err, out } = await convert(llama.base, llama.adapter, join(temporaryFolder(), 'l'), '--rank', '4');
    expect(out).toBe('');
    expect(err).toContain('converted lora(r=8, q_proj v_proj, 4 tensors) to lora(r=4');
    expect(err).toMatch(/error {2,}at most \d\.\d\de[-+]\d of a change/);
    expect(err).toMatch(/model\.layers\.0\.self_attn\.q_proj {2}rank 4 {2}error/);
  });

  it.each([
    [['--rank', '0'], 'an integer greater than 0'],
    [['--rank', 'x'], 'a finite number'],
    [['--energy', '1.5'], 'a share in (0, 1]'],
    [['--rank', '2', '--energy', '0.5'], 'one of --rank and --energy'],
  ])('refuses %j on the command line', async (more, why) => {
    const folder = temporaryFolder();
    const { code, err } = await convert(llama.base, llama.adapter, join(folder, 'l'), ...more);
    expect(code).toBe(2);
    expect(err).toContain(why);
    expect(tree(folder)).toEqual([]);
  });

  it('refuses what it cannot convert, and writes nothing', async () => {
    const folder = temporaryFolder();
    const refuse = async (adapter: string, why: string, ...more: ReadonlyArray<string>) => {
      const before = tree(folder);
      const { code, err } = await convert(llama.base, adapter, join(folder, 'out'), ...more);
      expect(code).toBe(1);
      expect(err).toContain(why);
      expect(tree(folder)).toEqual(before);
    };
    await refuse(llama.adapter, '--rank or --energy');
    await refuse(llama.adapter, 'at most 16', '--rank', '33');
    await refuse(golden('lm/llama-lora-trainable-tokens'), 'tensor that LoRA has a place for', '--rank', '2');
    await refuse(golden('lm/llama-lora-layer-replication'), 'keeps the module tree', '--rank', '2');
    const corda = editedAdapter(llama.adapter, join(folder, 'corda'), { config: { init_lora_weights: 'corda' } });
    await refuse(corda, 'an initialisation whose base follows from the base model', '--rank', '2');
  });
});

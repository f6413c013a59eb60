/** Taking adapters out of merged models. */
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder, tree } from '../../io/folder.js';
import {
  bf16,
  bytesOf,
  editedModel,
  golden,
  llama,
  readFile,
  sharded,
  valuesIn,
  withValues,
  writeFile,
} from '../fixtures.js';
import { run } from '../run.js';

/** Merges, and gives the folder of the merged model. */
const mergedIn = async (
  folder: string,
  base: string,
  adapter: string,
  ...more: ReadonlyArray<string>
): Promise<string> => {
  const out = join(folder, 'merged');
  expect((await run('merge', '--base', base, '--adapter', adapter, '--out', out, ...more)).code).toBe(0);
  return out;
};

const unmerge = (merged: string, adapter: string, out: string, ...more: ReadonlyArray<string>) =>
  run('unmerge', '--merged', merged, '--adapter', adapter, '--out', out, ...more);

const expectSameFolder = (actual: string, expected: string): void => {
  expect(tree(actual)).toEqual(tree(expected));
  for (const name of tree(expected)) expect(bytesOf(actual, name).equals(bytesOf(expected, name)), name).toBe(true);
};

/** Every way in which LoRA acts on a checkpoint: added, normalised, replaced, layers replicated, Conv1D, experts, biases. */
const everyKind = [
  ['bases/llama', 'lm/llama-lora-all-linear'],
  ['bases/llama', 'lm/llama-lora-dora'],
  ['bases/llama', 'lm/llama-lora-modules-to-save'],
  ['bases/llama', 'lm/llama-lora-layer-replication'],
  ['bases/llama', 'lm/llama-lora-trainable-tokens'],
  ['bases/gpt2', 'lm/gpt2-lora-dora'],
  ['bases/qwen2', 'lm/qwen2-lora-bias-all'],
  ['bases/qwen2', 'lm/qwen2-lora-embedding'],
  ['bases/gpt_oss', 'lm/gpt_oss-lora-target-parameters'],
  ['bases/gpt2_bf16', 'half/bf16-gpt2-dora'],
  ['bases/llama_fp16', 'half/fp16-llama-lora'],
  ['bases/vit', 'task/vit-lora-conv'],
] as const;

describe('with --base', () => {
  it.each(everyKind)('%s without %s is the base, byte for byte', async (basePath, adapterPath) => {
    const [folder, base, adapter] = [temporaryFolder(), golden(basePath), golden(adapterPath)];
    const merged = await mergedIn(folder, base, adapter);
    const { code, json } = await unmerge(merged, adapter, join(folder, 'out'), '--base', base, '--json');
    expect(code).toBe(0);
    expect(json()).toMatchObject({ exact: true, mergeUlps: 0 });
    expectSameFolder(join(folder, 'out'), base);
  });

  it('puts shards back, and copies what was not touched from the merged model', async () => {
    const folder = temporaryFolder();
    const base = sharded(bf16.base, join(folder, 'base'), (name) =>
      name.includes('mlp') ? 1 : name.includes('norm') ? 2 : 0,
    );
    const merged = await mergedIn(folder, base, bf16.adapter);
    writeFileSync(join(merged, 'README.md'), 'my notes');
    const norms = join(merged, 'model-00003-of-00003.safetensors');
    writeFile(norms, new Map([...readFile(norms)].map(([name, t]) => [name, withValues(t, () => 2)])));
    expect((await unmerge(merged, bf16.adapter, join(folder, 'out'), '--base', base)).code).toBe(0);
    for (const name of tree(base).filter((n) => !n.includes('00003-of')))
      expect(bytesOf(folder, 'out', name).equals(bytesOf(base, name)), name).toBe(true);
    expect(bytesOf(folder, 'out/model-00003-of-00003.safetensors').equals(bytesOf(norms))).toBe(true);
    expect(bytesOf(folder, 'out/README.md').toString()).toBe('my notes');
  });

  it('undoes several scaled adapters and a cut tie', async () => {
    const [folder, base, adapter] = [temporaryFolder(), golden('bases/gpt2'), golden('lm/gpt2-lora-default')];
    const more = ['--adapter', golden('lm/gpt2-lora-all-linear'), '--scale', '0.5', '--untie'];
    const merged = await mergedIn(folder, base, adapter, ...more);
    expect((await unmerge(merged, adapter, join(folder, 'out'), '--base', base, ...more)).code).toBe(0);
    expectSameFolder(join(folder, 'out'), base);
  });

  it.each([
    ['bases/llama', 'lm/llama-lora-all-linear'],
    ['bases/qwen2', 'lm/qwen2-lora-dora'],
    ['bases/llama_fp16', 'half/fp16-llama-lora'],
  ])('accepts what PEFT merged into %s with %s', async (basePath, adapterPath) => {
    const [folder, base, adapter] = [temporaryFolder(), golden(basePath), golden(adapterPath)];
    const expected = readFile(join(adapter, 'expected.safetensors'));
    const merged = editedModel(base, join(folder, 'merged'), {
      tensors: (t) => [...t.keys()].forEach((name) => t.set(name, expected.get(`merged.${name}`) ?? t.get(name)!)),
    });
    const { code, json } = await unmerge(merged, adapter, join(folder, 'out'), '--base', base, '--json');
    expect(code).toBe(0);
    expect(json()['exact']).toBe(true);
    expect(bytesOf(folder, 'out/model.safetensors').equals(bytesOf(base, 'model.safetensors'))).toBe(true);
  });

  it('refuses another base, and names the worst tensors', async () => {
    const folder = temporaryFolder();
    const merged = await mergedIn(folder, llama.base, llama.adapter);
    const q = 'model.layers.1.self_attn.q_proj.weight';
    const base = editedModel(llama.base, join(folder, 'base'), {
      tensors: (t) =>
        t.set(
          q,
          withValues(t.get(q)!, (v, i) => (i === 7 ? v + 1e-3 : v)),
        ),
    });
    const before = tree(folder);
    const { code, err } = await unmerge(merged, llama.adapter, join(folder, 'out'), '--base', base);
    expect(code).toBe(1);
    expect(err).toContain(
      `${q}\n  expected  apply(adapter, base) up to the order of summation\n  found     1 of 1024 elements differ`,
    );
    expect(err).toContain('Wrong base or adapter: 1 of 4 tensors');
    expect(tree(folder)).toEqual(before);
  });

  it('refuses another adapter', async () => {
    const folder = temporaryFolder();
    const merged = await mergedIn(folder, llama.base, llama.adapter);
    const { code, err } = await unmerge(
      merged,
      golden('lm/llama-lora-regex'),
      join(folder, 'out'),
      '--base',
      llama.base,
    );
    expect(code).toBe(1);
    expect(err).toContain('Wrong base or adapter: 2 of 2 tensors');
    expect(tree(folder)).not.toContain('out');
  });

  it('refuses a base of other types and shapes, all tensors named', async () => {
    const folder = temporaryFolder();
    const merged = await mergedIn(folder, llama.base, llama.adapter);
    const { code, json } = await unmerge(
      merged,
      llama.adapter,
      join(folder, 'out'),
      '--base',
      golden('bases/llama_bf16'),
      '--json',
    );
    expect(code).toBe(1);
    expect(json()['problems']).toHaveLength(21);
    expect(json()['problems'][0]).toMatchObject({
      expected: expect.stringMatching(/^BF16 \[/),
      found: expect.stringMatching(/^F32 \[/),
    });
  });

  it('refuses a merged model with more or fewer tensors', async () => {
    const folder = temporaryFolder();
    const merged = await mergedIn(folder, llama.base, llama.adapter);
    const odd = editedModel(merged, join(folder, 'odd'), {
      tensors: (t) => {
        t.set('model.extra', t.get('model.norm.weight')!);
        t.delete('model.norm.weight');
      },
    });
    const { code, err } = await unmerge(odd, llama.adapter, join(folder, 'out'), '--base', llama.base);
    expect(code).toBe(1);
    expect(err).toMatch(/model\.norm\.weight\n {2}expected {2}F32 \[32\]\n {2}found {5}no such tensor/);
    expect(err).toMatch(/model\.extra\n {2}expected {2}only tensors that the base and the adapter bring/);
  });
});

describe('without --base', () => {
  it('subtracts additive adapters, and says that it rounds', async () => {
    const folder = temporaryFolder();
    const merged = await mergedIn(folder, llama.base, llama.adapter);
    const { code, err } = await unmerge(merged, llama.adapter, join(folder, 'out'));
    expect(code).toBe(0);
    expect(err).toContain('note without --base the adapter is subtracted, as PEFT does: the result is within rounding');
    const name = 'model.layers.0.self_attn.q_proj.weight';
    const [back, base] = [join(folder, 'out'), llama.base].map((f) => valuesIn(join(f, 'model.safetensors'), name));
    expect(back).toBeAllClose(base!, { rtol: 0, atol: 2e-7 });
    expect(back).not.toEqual(base);
  });

  it.each([
    ['lm/llama-lora-dora', 'DoRA divides by a norm'],
    ['lm/llama-lora-modules-to-save', 'it replaces tensors'],
    ['lm/llama-lora-layer-replication', 'tree'],
  ])('refuses %s, with the reason', async (path, reason) => {
    const folder = temporaryFolder();
    const merged = await mergedIn(folder, llama.base, golden(path));
    const before = tree(folder);
    const { code, err } = await unmerge(merged, golden(path), join(folder, 'out'));
    expect(code).toBe(1);
    expect(err).toContain(reason);
    expect(err).toContain('--base');
    expect(tree(folder)).toEqual(before);
  });
});

it('refuses an --out with files', async () => {
  const folder = temporaryFolder();
  cpSync(llama.base, join(folder, 'out'), { recursive: true });
  for (const more of [[], ['--base', llama.base]]) {
    const { code, err } = await unmerge(llama.base, llama.adapter, join(folder, 'out'), ...more);
    expect(code).toBe(1);
    expect(err).toContain('expected  a new or an empty folder');
  }
});

/** Merging on the command line. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder, tree } from '../../io/folder.js';
import { bf16, bytesOf, editedAdapter, golden, llama, readFile, sharded, valuesIn } from '../fixtures.js';
import { run, runWith } from '../run.js';

const merge = (base: string, adapter: string, out: string, ...more: ReadonlyArray<string>) =>
  run('merge', '--base', base, '--adapter', adapter, '--out', out, ...more);

describe('weft merge', () => {
  it('writes the bits that PEFT computes, as a whole model folder', async () => {
    const out = join(temporaryFolder(), 'new', 'merged');
    const { code, json } = await merge(bf16.base, bf16.adapter, out, '--json');
    expect(code).toBe(0);
    expect(tree(out)).toEqual(['config.json', 'model.safetensors']);
    expect(bytesOf(out, 'config.json')).toEqual(bytesOf(bf16.base, 'config.json'));
    const [merged, base] = [readFile(join(out, 'model.safetensors')), readFile(join(bf16.base, 'model.safetensors'))];
    const expected = readFile(golden('half/bf16-llama-lora/expected.safetensors'));
    expect([...merged.keys()]).toEqual([...base.keys()]);
    for (const [name, tensor] of merged) expect(tensor, name).toEqual(expected.get(`merged.${name}`) ?? base.get(name));
    expect(json()).toMatchObject({ out, changed: 14, tensors: 21, changedBytes: 30720, totalBytes: 43328 });
  });

  it('merges in two threads with the same bytes', async () => {
    const folder = temporaryFolder();
    const [one, two] = [join(folder, 'one'), join(folder, 'two')];
    await merge(bf16.base, bf16.adapter, one);
    const { code } = await merge(bf16.base, bf16.adapter, two, '--workers', '2');
    expect(code).toBe(0);
    for (const name of tree(one)) expect(bytesOf(two, name).equals(bytesOf(one, name)), name).toBe(true);
  });

  it('merges with fused multiply-adds, and without waiting for the disk, on request', async () => {
    const folder = temporaryFolder();
    const [plain, fused, fast] = ['plain', 'fused', 'fast'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    await merge(llama.base, llama.adapter, plain);
    expect((await merge(llama.base, llama.adapter, fused, '--fma')).code).toBe(0);
    expect((await merge(llama.base, llama.adapter, fast, '--no-sync')).code).toBe(0);
    const [a, b, c] = [plain, fused, fast].map((out) => bytesOf(out, 'model.safetensors'));
    expect(c?.equals(a as Buffer)).toBe(true);
    expect(b?.equals(a as Buffer)).toBe(false);
    const name = 'model.layers.0.self_attn.q_proj.weight';
    const [x, y] = [plain, fused].map((out) => valuesIn(join(out, 'model.safetensors'), name));
    expect(y).toBeAllClose(x as Float32Array, { rtol: 1e-6, atol: 1e-7 });
  });

  it('says what it did', async () => {
    const { err, out } = await merge(llama.base, llama.adapter, join(temporaryFolder(), 'm'));
    expect(out).toBe('');
    expect(err).toContain('merged lora(r=8, q_proj v_proj, 4 tensors) into');
    expect(err).toContain('4 changed (12.3 kB of 86.7 kB)');
    expect(err).toMatch(/time {9}[0-9.e-]+ s \(.+\/s\)/);
    expect(err).toMatch(/peak memory {2}\d+ MB/);
  });

  it('applies several adapters in order, each on what the one before leaves', async () => {
    const folder = temporaryFolder();
    const second = golden('lm/llama-lora-all-linear');
    const [one, two, both] = [join(folder, 'one'), join(folder, 'two'), join(folder, 'both')];
    await merge(llama.base, llama.adapter, one);
    await merge(one, second, two);
    const { code, json } = await merge(llama.base, llama.adapter, both, '--adapter', second, '--json');
    expect(code).toBe(0);
    expect(json()['expression']).toMatch(/^compose\(lora\(r=8.*, lora\(/);
    // float32 in between: the composition rounds where the files do
    expect(bytesOf(both, 'model.safetensors')).toEqual(bytesOf(two, 'model.safetensors'));
  });

  it('scales additive adapters, all alike or one by one', async () => {
    const folder = temporaryFolder();
    const name = 'model.layers.0.self_attn.q_proj.weight';
    const file = (out: string): string => join(folder, out, 'model.safetensors');
    await merge(llama.base, llama.adapter, join(folder, 'full'));
    await merge(llama.base, llama.adapter, join(folder, 'half'), '--scale', '0.5');
    await merge(
      llama.base,
      llama.adapter,
      join(folder, 'none'),
      '--adapter',
      llama.adapter,
      '--scale',
      '1',
      '--scale',
      '-1',
    );
    const base = valuesIn(join(llama.base, 'model.safetensors'), name);
    const full = valuesIn(file('full'), name);
    expect(valuesIn(file('half'), name)).toBeAllClose(base.map((w, i) => w + ((full[i] as number) - w) / 2));
    expect(valuesIn(file('none'), name)).toBeAllClose(base);
    expect(full).not.toBeAllClose(base);
  });

  it('shows with --dry-run what would change, and writes nothing', async () => {
    const folder = temporaryFolder();
    const base = sharded(llama.base, join(folder, 'base'), (name) =>
      name.includes('q_proj') ? 1 : name.includes('lm_head') ? 2 : 0,
    );
    const before = tree(folder);
    const { code, json } = await merge(base, golden('lm/llama-lora-head'), join(folder, 'out'), '--dry-run', '--json');
    expect(code).toBe(0);
    const { changed, rewritten, copied, dryRun } = json();
    expect(dryRun).toBe(true);
    expect(changed).toContainEqual({
      name: 'lm_head.weight',
      dtype: 'F32',
      shape: [96, 32],
      bytes: 12288,
      added: false,
    });
    expect(rewritten).toEqual(['model-00002-of-00003.safetensors', 'model-00003-of-00003.safetensors']);
    expect(copied).toEqual(['model-00001-of-00003.safetensors', 'config.json', 'tokenizer.json']);
    expect(tree(folder)).toEqual(before);
    const { err } = await merge(base, llama.adapter, join(folder, 'out'), '--dry-run');
    expect(err).toContain('nothing was written; 4 tensors would change');
    expect(tree(folder)).toEqual(before);
  });

  it('unties a head with --untie, so that only the adapted side changes', async () => {
    const folder = temporaryFolder();
    const base = golden('bases/gpt2');
    const { code, json } = await merge(base, golden('lm/gpt2-lora-embedding'), join(folder, 'm'), '--untie', '--json');
    expect(code).toBe(0);
    expect(json()).toMatchObject({ changed: 3, added: 1, tensors: 29 });
    const [merged, before] = [readFile(join(folder, 'm/model.safetensors')), readFile(join(base, 'model.safetensors'))];
    const wte = before.get('transformer.wte.weight');
    expect(merged.get('lm_head.weight')).toEqual(wte);
    expect(merged.get('transformer.wte.weight')).not.toEqual(wte);
    const config = (path: string): unknown => JSON.parse(readFileSync(join(path, 'config.json'), 'utf8'));
    expect(config(join(folder, 'm'))).toEqual({ ...(config(base) as object), tie_word_embeddings: false });
  });

  it('shows a progress bar on terminals only', async () => {
    const folder = temporaryFolder();
    const line = ['merge', '--base', llama.base, '--adapter', llama.adapter, '--out'];
    const { err } = await runWith({ interactive: true }, ...line, join(folder, 'a'));
    expect(err).toContain('merging [');
    expect(err).toContain('ETA');
    expect((await run(...line, join(folder, 'b'))).err).not.toContain('ETA');
    expect((await runWith({ interactive: true }, ...line, join(folder, 'c'), '--quiet')).err).toBe('');
  });

  it('leaves nothing when it is interrupted', async () => {
    const folder = temporaryFolder();
    const signal = AbortSignal.abort(new Error('stopped'));
    const line = ['merge', '--base', llama.base, '--adapter', llama.adapter, '--out', join(folder, 'deep/out')];
    expect(await runWith({ signal }, ...line)).toMatchObject({
      code: 1,
      err: 'error interrupted; nothing was written\n',
    });
    expect(tree(folder)).toEqual([]);
  });

  it('takes an empty folder for --out', async () => {
    const out = join(temporaryFolder(), 'out');
    mkdirSync(out);
    expect((await merge(llama.base, llama.adapter, out)).code).toBe(0);
    expect(existsSync(join(out, 'model.safetensors'))).toBe(true);
  });

  it('tells of fields that it does not know, and merges', async () => {
    const folder = temporaryFolder();
    const adapter = editedAdapter(llama.adapter, join(folder, 'a'), { config: { use_magic: true } });
    const { code, err } = await merge(llama.base, adapter, join(folder, 'out'));
    expect(code).toBe(0);
    expect(err).toContain('warning adapter_config.json: use_magic: this field is not known to Weft');
  });
});

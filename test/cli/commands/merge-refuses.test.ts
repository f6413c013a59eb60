/** Bad input of every kind: a clear problem, the right code, and nothing written. */
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeFloats } from '../../../src/ops/dtype.js';
import { temporaryFolder, tree } from '../../io/folder.js';
import {
  editedAdapter,
  editedModel,
  golden,
  llama,
  missingMethod,
  sharded,
  withValues,
  type Edit,
} from '../fixtures.js';
import { run } from '../run.js';

const A = 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight';
const B = 'base_model.model.model.layers.1.self_attn.v_proj.lora_B.weight';

interface Case {
  readonly folder: string;
  readonly base?: string;
  readonly adapter?: string;
}

/** Merges and checks that it fails with all of `texts` on stderr, without a trace in the folder. */
const refuses = async (
  { folder, base = llama.base, adapter = llama.adapter }: Case,
  ...texts: ReadonlyArray<string>
) => {
  const before = tree(folder);
  const { code, err, out } = await run(
    'merge',
    '--base',
    base,
    '--adapter',
    adapter,
    '--out',
    join(folder, 'out/deep'),
  );
  expect(code).toBe(1);
  expect(out).toBe('');
  for (const text of texts) expect(err).toContain(text);
  expect(err).toContain('  expected  ');
  expect(err).toContain('  found     ');
  expect(tree(folder)).toEqual(before);
  return err;
};

/** An adapter with changes, in a temporary folder. */
const adapterWith = (edit: Edit): Required<Omit<Case, 'base'>> => {
  const folder = temporaryFolder();
  return { folder, adapter: editedAdapter(llama.adapter, join(folder, 'adapter'), edit) };
};

describe('tensors of the adapter', () => {
  it('refuses missing and extra ones, all named', async () => {
    const bad = adapterWith({
      tensors: (t) => {
        t.set('base_model.model.model.layers.9.self_attn.q_proj.lora_A.weight', t.get(A)!);
        t.delete(A);
        t.delete(B);
      },
    });
    await refuses(
      bad,
      `${A}\n  expected  a tensor [8, 32]\n  found     no such tensor`,
      B,
      'layers.9.self_attn.q_proj',
      'a tensor that belongs to nothing',
    );
  });

  it('refuses wrong shapes', async () => {
    const bad = adapterWith({ tensors: (t) => t.set(A, { ...t.get(A)!, shape: [32, 8] }) });
    await refuses(bad, `${A}\n  expected  [8, 32]\n  found     [32, 8]`, 'hint');
  });

  it('refuses a rank that the config does not have', async () => {
    await refuses(adapterWith({ config: { r: 4 } }), 'expected  [4, 32]', 'found     [8, 32]');
  });

  it('refuses integers', async () => {
    const bad = adapterWith({ tensors: (t) => t.set(A, { ...t.get(A)!, dtype: 'I32' }) });
    await refuses(bad, 'expected  a floating point tensor', 'found     I32');
  });

  it('refuses NaN', async () => {
    const bad = adapterWith({
      tensors: (t) =>
        t.set(
          B,
          withValues(t.get(B)!, (v, i) => (i === 3 ? NaN : v)),
        ),
    });
    await refuses(bad, B, 'expected  finite numbers', 'found     NaN at element 3', 'merging it would break the model');
  });

  it('refuses infinity', async () => {
    const bad = adapterWith({
      tensors: (t) =>
        t.set(
          A,
          withValues(t.get(A)!, (v, i) => (i === 0 ? -Infinity : v)),
        ),
    });
    await refuses(bad, 'found     -Infinity at element 0');
  });

  it('refuses values that overflow the base', async () => {
    const folder = temporaryFolder();
    const huge = (name: string): number => (name.includes('lora_B') ? 3e4 : 3e3);
    const adapter = editedAdapter(golden('half/fp16-llama-lora'), join(folder, 'a'), {
      tensors: (t) =>
        [...t].forEach(([name, x]) =>
          t.set(
            name,
            withValues(x, () => huge(name)),
          ),
        ),
    });
    await refuses({ folder, adapter, base: golden('bases/llama_fp16') }, 'finite merged values in F16');
  });
});

describe('files of the adapter', () => {
  const copied = (): Required<Omit<Case, 'base'>> => {
    const folder = temporaryFolder();
    cpSync(llama.adapter, join(folder, 'adapter'), { recursive: true });
    return { folder, adapter: join(folder, 'adapter') };
  };

  it('refuses a truncated file', async () => {
    const bad = copied();
    truncateSync(join(bad.adapter, 'adapter_model.safetensors'), 3000);
    await refuses(bad, 'adapter_model.safetensors', 'truncated');
  });

  it('refuses a header cut off', async () => {
    const bad = copied();
    truncateSync(join(bad.adapter, 'adapter_model.safetensors'), 5);
    await refuses(bad, 'expected  at least 8 bytes', 'found     5 bytes');
  });

  it('refuses pickled weights, with the reason', async () => {
    const bad = copied();
    rmSync(join(bad.adapter, 'adapter_model.safetensors'));
    writeFileSync(join(bad.adapter, 'adapter_model.bin'), 'PK');
    await refuses(bad, 'found     adapter_model.bin', 'Pickled files can run code');
  });

  it('refuses a folder without weights', async () => {
    const bad = copied();
    rmSync(join(bad.adapter, 'adapter_model.safetensors'));
    await refuses(bad, 'expected  adapter_model.safetensors', 'found     no such file');
  });

  it('refuses a folder without a config', async () => {
    const bad = copied();
    rmSync(join(bad.adapter, 'adapter_config.json'));
    await refuses(bad, 'expected  adapter_config.json');
  });

  it('refuses a config that is no JSON, with the place', async () => {
    const bad = copied();
    writeFileSync(join(bad.adapter, 'adapter_config.json'), '{"r": 8,}');
    await refuses(bad, 'adapter_config.json:1:9');
  });

  it('refuses links out of the folder', async () => {
    const bad = copied();
    const file = join(bad.adapter, 'adapter_model.safetensors');
    copyFileSync(file, join(bad.folder, 'elsewhere.safetensors'));
    rmSync(file);
    symlinkSync(join(bad.folder, 'elsewhere.safetensors'), file);
    await refuses(bad, 'expected  a file inside of its folder');
  });

  it('takes hostile tensor names for what they are', async () => {
    const bad = adapterWith({
      tensors: (t) => ['__proto__', 'constructor', '../../x', 'a\x1b[2Jb'].forEach((n) => t.set(n, t.get(A)!)),
    });
    const err = await refuses(bad, '__proto__', 'constructor', '../../x');
    expect(err).not.toContain('\x1b');
  });
});

describe('the config of the adapter', () => {
  it('refuses targets that match nothing, with names that are near', async () => {
    await refuses(
      adapterWith({ config: { target_modules: ['q_prj'] } }),
      'adapter_config.json: target_modules',
      'found     "q_prj"',
      'q_proj',
    );
  });

  it('refuses fields of the wrong type, all of them', async () => {
    await refuses(
      adapterWith({ config: { r: 0, lora_alpha: 'lots' } }),
      'adapter_config.json: r',
      'adapter_config.json: lora_alpha',
    );
  });

  it('refuses an unknown peft_type', async () => {
    await refuses(
      adapterWith({ config: { peft_type: 'LORAX' } }),
      'adapter_config.json: peft_type',
      'found     "LORAX"',
    );
  });

  it('refuses a method that is not there yet', { skip: missingMethod === undefined }, async () => {
    const bad = adapterWith({ config: { peft_type: missingMethod } });
    await refuses(
      bad,
      'something this version of Weft implements',
      `found     ${missingMethod}`,
      'Methods of this version',
    );
  });

  it('refuses a variant that is not there yet', async () => {
    await refuses(
      adapterWith({ config: { arrow_config: { top_k: 1 } } }),
      'adapter_config.json: arrow_config',
      'something this version of Weft implements',
    );
  });

  it('refuses to scale what is not additive', async () => {
    const folder = temporaryFolder();
    const line = ['merge', '--base', llama.base, '--adapter', golden('lm/llama-lora-dora'), '--scale', '0.5'];
    const { code, err } = await run(...line, '--out', join(folder, 'out'));
    expect(code).toBe(1);
    expect(err).toContain('expected  an additive adapter');
    expect(tree(folder)).toEqual([]);
  });

  it('refuses to untie a base without ties', async () => {
    const folder = temporaryFolder();
    const line = ['merge', '--base', llama.base, '--adapter', llama.adapter, '--untie'];
    const { code, err } = await run(...line, '--out', join(folder, 'out'));
    expect(code).toBe(1);
    expect(err).toContain('expected  a base with tied parameters');
    expect(tree(folder)).toEqual([]);
  });

  it('names the adapter among several', async () => {
    const bad = adapterWith({ config: { target_modules: ['q_prj'] } });
    const line = ['merge', '--base', llama.base, '--adapter', llama.adapter, '--adapter', bad.adapter];
    const { code, err } = await run(...line, '--out', join(bad.folder, 'out'));
    expect(code).toBe(1);
    expect(err).toContain(`error ${bad.adapter}: adapter_config.json: target_modules`);
  });
});

describe('the base', () => {
  it('refuses a model of another size', async () => {
    const folder = temporaryFolder();
    const zeros = { dtype: 'F32', shape: [20, 32], bytes: new Uint8Array(4 * 20 * 32) } as const;
    const base = editedModel(llama.base, join(folder, 'base'), {
      tensors: (t) => t.set('model.layers.1.self_attn.v_proj.weight', zeros),
    });
    await refuses({ folder, base }, B, 'expected  [20, 8]', 'found     [16, 8]', 'the base model');
  });

  it('refuses a model of another kind', async () => {
    await refuses({ folder: temporaryFolder(), base: golden('bases/gpt2') }, 'adapter_config.json: target_modules');
  });

  it('refuses a base without a tensor that is adapted', async () => {
    const folder = temporaryFolder();
    const base = editedModel(llama.base, join(folder, 'base'), {
      tensors: (t) => t.delete('model.layers.1.self_attn.v_proj.weight'),
    });
    await refuses({ folder, base }, 'layers.1.self_attn.v_proj');
  });

  it('refuses a quantised base', async () => {
    const folder = temporaryFolder();
    const q = 'model.layers.0.self_attn.q_proj.weight';
    const base = editedModel(llama.base, join(folder, 'base'), {
      tensors: (t) => t.set(q, { dtype: 'F4', shape: [32, 32], bytes: new Uint8Array(512) }),
    });
    await refuses({ folder, base }, q, 'found     F4', 'Quantised bases have to be converted');
  });

  it('refuses pickled weights, with the reason', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'base'));
    copyFileSync(join(llama.base, 'config.json'), join(folder, 'base/config.json'));
    writeFileSync(join(folder, 'base/pytorch_model.bin'), 'PK');
    await refuses({ folder, base: join(folder, 'base') }, 'found     pytorch_model.bin', 'pickled files can run code');
  });

  it('refuses a truncated file', async () => {
    const folder = temporaryFolder();
    const base = editedModel(llama.base, join(folder, 'base'), {});
    truncateSync(join(base, 'model.safetensors'), 50_000);
    await refuses({ folder, base }, 'the file is truncated');
  });

  it('refuses shards outside of the folder', async () => {
    const folder = temporaryFolder();
    const base = sharded(llama.base, join(folder, 'base'), () => 0);
    const index = join(base, 'model.safetensors.index.json');
    writeFileSync(index, readFileSync(index, 'utf8').replaceAll('model-00001', '../model-00001'));
    await refuses({ folder, base }, 'expected  a plain file name, without folders');
  });

  it('lists every missing shard', async () => {
    const folder = temporaryFolder();
    const base = sharded(llama.base, join(folder, 'base'), (name) =>
      name.includes('q_proj') ? 1 : name.includes('mlp') ? 2 : 0,
    );
    rmSync(join(base, 'model-00002-of-00003.safetensors'));
    rmSync(join(base, 'model-00003-of-00003.safetensors'));
    await refuses({ folder, base }, 'model-00002-of-00003', 'model-00003-of-00003', 'the download is incomplete');
  });

  it('refuses a folder that is not there', async () => {
    await refuses({ folder: temporaryFolder(), base: '/nowhere' }, '/nowhere');
  });
});

describe('--out', () => {
  it('refuses a folder with files, and leaves them alone', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'out/deep'), { recursive: true });
    writeFileSync(join(folder, 'out/deep/mine.txt'), 'precious');
    await refuses({ folder }, 'expected  a new or an empty folder', 'found     1 files in it');
    expect(readFileSync(join(folder, 'out/deep/mine.txt'), 'utf8')).toBe('precious');
  });

  it('refuses a file', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'out'));
    writeFileSync(join(folder, 'out/deep'), 'precious');
    await refuses({ folder }, 'found     a file');
  });

  it('is checked together with the adapter', async () => {
    const bad = adapterWith({ config: { target_modules: ['q_prj'] } });
    mkdirSync(join(bad.folder, 'out/deep/x'), { recursive: true });
    await refuses(bad, 'expected  a new or an empty folder', 'target_modules');
  });
});

it('reports problems as JSON too', async () => {
  const bad = adapterWith({
    tensors: (t) => t.set(B, { dtype: 'F32', shape: [1], bytes: encodeFloats('F32', Float32Array.of(1)) }),
  });
  const { code, json } = await run(
    'merge',
    '--base',
    llama.base,
    '--adapter',
    bad.adapter,
    '--out',
    join(bad.folder, 'out'),
    '--json',
  );
  expect(code).toBe(1);
  expect(json()['problems']).toEqual([
    { at: `adapter_model.safetensors: ${B}`, expected: '[16, 8]', found: '[1]', hint: expect.stringContaining('rank') },
  ]);
});

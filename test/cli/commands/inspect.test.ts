/** Looking at folders and files. */
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../io/folder.js';
import { editedAdapter, editedModel, golden, llama, missingMethod, sharded } from '../fixtures.js';
import { run } from '../run.js';

const inspect = async (...argv: ReadonlyArray<string>) => {
  const { code, json, err } = await run('inspect', ...argv, '--json');
  return { code, err, json: json() };
};

describe('a model folder', () => {
  it('is told by type, class, parameters, dtypes, files, ties and modules', async () => {
    const { code, json } = await inspect(golden('bases/gpt2'));
    expect(code).toBe(0);
    expect(json).toMatchObject({
      kind: 'model',
      modelType: 'gpt2',
      className: 'GPT2LMHeadModel',
      parameters: 30592,
      tensors: 28,
      dtypes: { F32: { tensors: 28, parameters: 30592, bytes: 122368 } },
      ties: [['lm_head.weight', 'transformer.wte.weight']],
      modules: { Conv1D: 8, Embedding: 2, LayerNorm: 5, Linear: 1 },
      sharded: false,
      inferred: false,
      forward: true,
    });
  });

  it('may be in shards, or of a type that Weft does not know', async () => {
    const folder = temporaryFolder();
    const base = sharded(llama.base, join(folder, 's'), (name) => (name.includes('mlp') ? 1 : 0));
    expect((await inspect(base)).json).toMatchObject({ sharded: true, files: [{}, {}] });
    const other = editedModel(llama.base, join(folder, 'o'), {
      config: { model_type: 'newest', architectures: ['NewestForCausalLM'] },
    });
    expect((await inspect(other)).json).toMatchObject({ modelType: 'newest', inferred: true, forward: false });
    expect((await run('inspect', other)).err).toContain('kinds guessed from shapes');
  });

  it('that is broken is a failure', async () => {
    const folder = temporaryFolder();
    const base = editedModel(llama.base, join(folder, 'b'), { config: { architectures: 'LlamaForCausalLM' } });
    const { code, json } = await inspect(base);
    expect(code).toBe(1);
    expect(json['problems'][0]).toMatchObject({ at: 'config.json: architectures', expected: 'a list of class names' });
  });
});

describe('a safetensors file', () => {
  it('is told by its tensors and metadata', async () => {
    const { code, json } = await inspect(join(llama.adapter, 'adapter_model.safetensors'));
    expect(code).toBe(0);
    expect(json).toMatchObject({ kind: 'checkpoint', tensors: 8, parameters: 1792, metadata: { format: 'pt' } });
  });

  it('needs no config.json around it', async () => {
    const folder = temporaryFolder();
    const base = editedModel(llama.base, join(folder, 'b'), {});
    rmSync(join(base, 'config.json'));
    expect((await inspect(base)).json).toMatchObject({ kind: 'checkpoint', tensors: 21 });
  });

  it('that is none is a failure', async () => {
    const path = join(temporaryFolder(), 'x.safetensors');
    writeFileSync(path, 'hello');
    const { code, err } = await inspect(path);
    expect(code).toBe(1);
    expect(err).toContain('the file is truncated or is no safetensors file');
  });
});

describe('an adapter folder', () => {
  it('is told by method, rank, targets, parameters', async () => {
    const { code, json } = await inspect(llama.adapter);
    expect(code).toBe(0);
    expect(json).toMatchObject({
      kind: 'adapter',
      method: 'LORA',
      supported: true,
      rank: 8,
      alpha: 8,
      taskType: 'CAUSAL_LM',
      peftVersion: '0.21.0',
      parameters: 1792,
      dtypes: { F32: { tensors: 8 } },
      warnings: [],
    });
    expect((json['target_modules'] as string[]).toSorted()).toEqual(['q_proj', 'v_proj']);
    expect(json).not.toHaveProperty('mergeable');
  });

  it.each([
    [
      'lm/llama-lora-default',
      { algebra: 'additive', mergeable: true, trainable: 1792, expression: 'lora(r=8, q_proj v_proj, 4 tensors)' },
    ],
    ['lm/llama-lora-dora', { algebra: 'dependent', mergeable: true }],
  ])('%s with --base says what it would do', async (path, expected) => {
    expect((await inspect(golden(path), '--base', llama.base)).json).toMatchObject(expected);
  });

  it('with a base that does not fit is a failure', async () => {
    const { code, json } = await inspect(llama.adapter, '--base', golden('bases/gpt2'));
    expect(code).toBe(1);
    expect(json['problems'][0].at).toBe('adapter_config.json: target_modules');
  });

  it('of a method that is not there yet is still described', { skip: missingMethod === undefined }, async () => {
    const folder = temporaryFolder();
    const adapter = editedAdapter(llama.adapter, join(folder, 'a'), {
      config: { peft_type: missingMethod, r: 4, brand_new: 1 },
    });
    const { code, json } = await inspect(adapter);
    expect(code).toBe(0);
    expect(json).toMatchObject({
      method: missingMethod,
      supported: false,
      rank: 4,
      taskType: 'CAUSAL_LM',
      parameters: 1792,
    });
    expect(json['problems'][0]).toMatchObject({
      at: 'adapter_config.json: peft_type',
      found: missingMethod,
      unsupported: true,
    });
    expect((await run('inspect', adapter)).err).toContain('supported       no: ');
  });

  it('of a variant that is not there yet is still described', async () => {
    const folder = temporaryFolder();
    const adapter = editedAdapter(llama.adapter, join(folder, 'a'), { config: { arrow_config: {} } });
    expect((await inspect(adapter)).json).toMatchObject({ supported: false, rank: 8 });
  });

  it('tells of fields that Weft does not know', async () => {
    const folder = temporaryFolder();
    const adapter = editedAdapter(llama.adapter, join(folder, 'a'), { config: { brand_new: 1 } });
    expect((await inspect(adapter)).json['warnings']).toEqual([expect.stringContaining('brand_new')]);
  });

  it('of an unknown peft_type is a failure', async () => {
    const folder = temporaryFolder();
    const adapter = editedAdapter(llama.adapter, join(folder, 'a'), { config: { peft_type: undefined } });
    expect((await inspect(adapter)).json['problems'][0]).toMatchObject({ found: 'no such field' });
  });

  it.each(readdirSync(golden('lm')))('lm/%s can be inspected', async (name) => {
    expect(await inspect(golden(`lm/${name}`))).toMatchObject({
      code: 0,
      json: { kind: 'adapter', method: expect.any(String) as string, supported: true },
    });
  });
});

/** Laws on the command line. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { numTensors } from '../../../src/ops/backend.js';
import { temporaryFolder } from '../../io/folder.js';
import { bf16, editedAdapter, editedModel, golden, llama, withoutForward, withValues } from '../fixtures.js';
import { run } from '../run.js';

const verify = (base: string, adapter: string, ...more: ReadonlyArray<string>) =>
  run('verify', '--base', base, '--adapter', adapter, ...more);

type Row = {
  readonly law: string;
  readonly result: string;
  readonly ulps?: number;
  readonly at?: string;
  readonly detail: string;
};

const resultOf = (rows: ReadonlyArray<Row>, law: string): string | undefined => rows.find((r) => r.law === law)?.result;

describe('laws that hold', () => {
  it('of an additive adapter are all of them', async () => {
    const { code, json } = await verify(bf16.base, bf16.adapter, '--json');
    expect(code).toBe(0);
    const { holds, laws, errors, algebra } = json();
    expect([holds, algebra]).toEqual([true, 'additive']);
    expect((laws as Row[]).every((row) => row.result === 'holds')).toBe(true);
    for (const law of [
      'locality',
      'shape and dtype',
      'finite',
      'unapply',
      'unapply by subtraction',
      'unit',
      'merged = attached',
      'files',
      'model forward',
    ])
      expect(resultOf(laws, law), law).toBe('holds');
    // every tensor that changes has its error under subtraction
    const subtracted = (errors as ReadonlyArray<{ readonly law: string; readonly ulps: number }>).filter(
      (e) => e.law === 'unapply by subtraction',
    );
    expect(subtracted).toHaveLength(14);
    expect(Math.max(...subtracted.map((e) => e.ulps))).toBeLessThanOrEqual(1);
  });

  it.each([
    ['bases/bert_qa', 'task/bert_qa-lora'],
    ['bases/t5', 'task/t5-lora'],
    ['bases/vit', 'task/vit-lora-conv'],
  ])('reach the whole model %s with %s', async (base, adapter) => {
    const { code, json } = await verify(golden(base), golden(adapter), '--json');
    expect(code).toBe(0);
    expect(resultOf(json()['laws'] as Row[], 'model forward')).toBe('holds');
  });

  it.each([
    ['bases/llama', 'lm/llama-lora-dora', 'unapply by subtraction', 'not for dependent adapters'],
    ['bases/llama', 'lm/llama-lora-modules-to-save', 'scale', 'not for replacement adapters'],
    ['bases/llama', 'lm/llama-lora-layer-replication', 'composition', 'not for adapters that change the module tree'],
    ['bases/gpt2', 'lm/gpt2-lora-embedding', 'model forward', 'one side of a tied parameter is adapted'],
    ['bases/qwen2', 'lm/qwen2-lora-embedding', 'model forward', 'one side of a tied parameter is adapted'],
  ])('on %s of %s are those about it', async (base, adapter, law, why) => {
    const { code, json } = await verify(golden(base), golden(adapter), '--json');
    expect(code).toBe(0);
    const row = (json()['laws'] as Row[]).find((r) => r.law === law);
    expect(row).toMatchObject({ result: 'n/a', detail: expect.stringContaining(why) });
  });

  it('leave out the forward pass of a model that has none here', async () => {
    const folder = withoutForward(join(temporaryFolder(), 'granite'));
    const { code, json } = await verify(folder, llama.adapter, '--json');
    expect(code).toBe(0);
    const row = (json()['laws'] as Row[]).find((r) => r.law === 'model forward');
    expect(row).toMatchObject({ result: 'n/a', detail: expect.stringContaining('no forward pass') });
  });

  it('are checked on several adapters as one, and on their composition', async () => {
    const { code, err } = await verify(
      llama.base,
      llama.adapter,
      '--adapter',
      golden('lm/llama-lora-dora'),
      '--scale',
      '0.5',
      '--scale',
      '1',
    );
    expect(code).toBe(0);
    expect(err).toContain('laws of compose(scale(0.5, lora(r=8');
    expect(err).toMatch(/composition +holds/);
    expect(err).toContain('every law holds');
  });

  it('are printed as a table with the ten largest errors', async () => {
    const { code, err, out } = await verify(llama.base, llama.adapter);
    expect([code, out]).toEqual([0, '']);
    expect(err).toMatch(/ {2}law +result +ulps/);
    expect(err).toContain('largest errors, in units in the last place');
    expect(err.split('\n').filter((line) => /^ {2}model\./.test(line)).length).toBeLessThanOrEqual(10);
  });
});

describe('a broken law', () => {
  it('ends with code 3 and says where', async () => {
    const folder = temporaryFolder();
    // finite factors whose product is not
    const adapter = editedAdapter(llama.adapter, join(folder, 'a'), {
      tensors: (t) =>
        [...t].forEach(([name, x]) => t.set(name, name.includes('layers.1') ? withValues(x, () => 1e30) : x)),
    });
    const { code, err } = await verify(llama.base, adapter);
    expect(code).toBe(3);
    expect(err).toMatch(/finite +broken .*model\.layers\.1\.self_attn\.[qv]_proj\.weight: expected finite numbers/);
    expect(err).toMatch(/laws are broken\n$/);
    const { code: again, json } = await verify(llama.base, adapter, '--json');
    expect(again).toBe(3);
    expect(json()['holds']).toBe(false);
    expect(resultOf(json()['laws'], 'locality')).toBe('holds');
  });

  it('is found in the storage type of the base, not only in float32', async () => {
    const folder = temporaryFolder();
    const adapter = editedAdapter(golden('half/fp16-llama-lora'), join(folder, 'a'), {
      tensors: (t) =>
        [...t].forEach(([name, x]) =>
          t.set(
            name,
            withValues(x, () => 300),
          ),
        ),
    });
    const { code, err } = await verify(golden('bases/llama_fp16'), adapter);
    expect(code).toBe(3);
    expect(err).toMatch(/finite +broken/);
  });
});

it('fails on a base without a tensor that the adapter changes', async () => {
  const folder = temporaryFolder();
  const base = editedModel(llama.base, join(folder, 'b'), {
    tensors: (t) => t.delete('model.layers.1.self_attn.v_proj.weight'),
  });
  const { code, err } = await verify(base, llama.adapter);
  expect(code).toBe(1);
  expect(err).toContain('layers.1.self_attn.v_proj');
});

it('leaves no tensors behind but the adapter', async () => {
  await verify(llama.base, llama.adapter);
  const before = numTensors();
  await verify(llama.base, llama.adapter);
  expect(numTensors() - before).toBe(8);
});

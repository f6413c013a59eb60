/** Generation on the command line. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { temporaryFolder } from '../../io/folder.js';
import { golden, llama, withoutForward } from '../fixtures.js';
import { run } from '../run.js';

interface Case {
  readonly base: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly prompts: ReadonlyArray<ReadonlyArray<number>>;
  readonly tokens: ReadonlyArray<ReadonlyArray<number>>;
}

const cases = (
  JSON.parse(
    readFileSync(new URL('../../golden/models/generation.json', import.meta.url), 'utf8'),
  ) as ReadonlyArray<Case>
).filter(({ config }) => Object.keys(config).length === 0);

const generate = (base: string, ids: ReadonlyArray<number> | string, ...more: ReadonlyArray<string>) =>
  run('generate', '--base', base, '--input-ids', String(ids), '--backend', inject('backend'), ...more);

describe('weft generate', () => {
  it.each(cases)('prints the tokens of transformers for $base', async ({ base, prompts, tokens }) => {
    const line = [golden(`bases/${base}`), prompts[0] ?? [], '--max-new-tokens', '12', '--eos-token-id', '95'] as const;
    const done = await generate(...line);
    expect(done.out).toBe(`${tokens[0]?.slice(0, 12).join(',')}\n`);
    expect(done.err).toContain('generated 12 tokens');
    expect((await generate(...line, '--json')).json()).toMatchObject({
      tokens: tokens[0]?.slice(0, 12),
      expression: 'identity',
      sampling: null,
    });
    expect((await generate(...line, '--quiet')).err).toBe('');
  });

  it('stops at the end tokens, those of config.json or others', async () => {
    const { prompts, tokens } = cases.find(({ base }) => base === 'llama') as Case;
    const [ids, all] = [prompts[0] ?? [], tokens[0] ?? []];
    const third = all[2] as number;
    const { out } = await generate(llama.base, ids, '--eos-token-id', `90,${third}`);
    expect(out).toBe(`${all.slice(0, all.indexOf(third) + 1).join(',')}\n`);
  });

  it('answers with an encoder-decoder, plain and adapted', async () => {
    const [{ prompts, tokens }] = JSON.parse(
      readFileSync(new URL('../../golden/models/seq2seq.json', import.meta.url), 'utf8'),
    ) as readonly [Case];
    const line = [golden('bases/t5'), prompts[0]!, '--max-new-tokens', '12', '--eos-token-id', '95'] as const;
    const plain = await generate(...line);
    expect(plain.out).toBe(`${tokens[0]!.slice(0, 12).join(',')}\n`);
    const adapted = await generate(...line, '--adapter', golden('task/t5-prefix'));
    expect(adapted.code).toBe(0);
    expect(adapted.out).not.toBe(plain.out);
  });

  it('generates with an adapter', async () => {
    const [plain, adapted] = [
      await generate(llama.base, '5,9,40', '--json'),
      await generate(llama.base, '5,9,40', '--json', '--adapter', llama.adapter),
    ];
    expect(adapted.code).toBe(0);
    expect(adapted.json().expression).not.toBe('identity');
    expect(adapted.json().tokens).not.toEqual(plain.json().tokens);
  });

  it('samples the same tokens for the same seed', async () => {
    const at = async (...more: ReadonlyArray<string>) => (await generate(llama.base, '5,9,40', ...more)).out;
    const options = ['--temperature', '1.5', '--top-k', '50', '--top-p', '0.95'];
    expect(await at(...options, '--seed', '1')).toBe(await at(...options, '--seed', '1'));
    expect(await at(...options, '--seed', '2')).not.toBe(await at(...options, '--seed', '1'));
    expect(await at(...options)).toBe(await at(...options, '--seed', '0'));
    expect(await at('--temperature', '0', '--seed', '7')).toBe(await at());
    expect(await at('--top-k', '1')).toBe(await at());
  });

  it('reports how it chose', async () => {
    const done = await generate(llama.base, '5', '--top-k', '3', '--seed', '4', '--json');
    expect(done.json().sampling).toEqual({ topK: 3, seed: 4 });
  });
});

describe('bad input', () => {
  it.each([
    ['bert', 'an encoder'],
    ['vit', 'an input embedding'],
  ])('refuses %s, which does not generate', async (base, found) => {
    const done = await generate(golden(`bases/${base}`), '1,2');
    expect(done.code).toBe(1);
    expect(done.err).toContain(found);
  });

  const refuses = async (code: number, texts: ReadonlyArray<string>, ...more: ReadonlyArray<string>) => {
    const done = await generate(llama.base, '1,2', ...more);
    for (const text of texts) expect(done.err).toContain(text);
    expect(done).toMatchObject({ code, out: '' });
  };

  it('names every option out of range at once', () => {
    const wrong = ['--max-new-tokens', '--temperature', '--top-k', '--top-p'];
    return refuses(2, wrong, '--max-new-tokens', '0', '--temperature', '-1', '--top-k', '1.5', '--top-p', '2');
  });

  it.each(['x', '', '-1', '0.5'])('refuses the seed "%s"', (seed) => refuses(2, ['--seed'], `--seed=${seed}`));

  it('refuses ids outside of the vocabulary', async () => {
    const done = await generate(llama.base, '1,96');
    expect(done.code).toBe(1);
    expect(done.err).toContain('expected  token ids below 96');
  });

  it('refuses more tokens than GPT-2 has positions', async () => {
    const done = await generate(golden('bases/gpt2'), '1,2', '--max-new-tokens', '64');
    expect(done.code).toBe(1);
    expect(done.err).toContain('at most 64 positions in all');
  });

  it('refuses a model without a forward pass', async () => {
    const done = await generate(withoutForward(join(temporaryFolder(), 'granite')), '1,2');
    expect(done.code).toBe(1);
    expect(done.err).toContain('config.json: model_type');
  });
});

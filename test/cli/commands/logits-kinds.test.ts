/** Forward passes of encoders, encoder-decoders and image models on the command line. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder, tree } from '../../io/folder.js';
import { fullRow, golden, readFile, valuesIn, writeFile } from '../fixtures.js';
import { run } from '../run.js';

const base = (name: string): string => golden(`bases/${name}`);
const adapter = (id: string): ReadonlyArray<string> => ['--adapter', golden(`task/${id}`)];
const close = { rtol: 1e-4, atol: 1e-5 };

/** The images of the golden cases as a file. */
const pixels = (folder: string): string => {
  const path = join(folder, 'pixels.safetensors');
  const tensor = readFile(golden('task/vit-lora/expected.safetensors')).get('input.pixel_values')!;
  writeFile(path, new Map([['pixel_values', tensor]]));
  return path;
};

describe('weft logits', () => {
  it.each([
    ['bert', 'bert-lora', 'last_hidden_state'],
    ['bert_qa', 'bert_qa-lora', 'logits'],
    ['bert_seqcls', 'bert_seqcls-lora', 'logits'],
    ['bert_seqcls', 'bert_seqcls-prompt', 'logits'],
    ['bert', 'bert-prefix', 'last_hidden_state'],
  ])('runs the encoder %s with %s', async (name, id, output) => {
    const out = join(temporaryFolder(), 'y.safetensors');
    const { ids, part } = fullRow(`task/${id}`);
    const line = ['logits', '--base', base(name), '--input-ids', ids.join(','), '--out', out, '--json'];
    const { code, json } = await run(...line, ...adapter(id));
    expect(code).toBe(0);
    expect(json()).toMatchObject({ output });
    expect(valuesIn(out, output)).toBeAllClose(part('output.adapted'), close);
    expect([...valuesIn(out, 'input_ids')]).toEqual(ids);
  });

  it('takes the sentence of each token', async () => {
    const folder = temporaryFolder();
    const outOf = async (...more: ReadonlyArray<string>): Promise<Float32Array> => {
      const out = join(folder, `${more.join('')}.safetensors`);
      const { code } = await run('logits', '--base', base('bert'), '--input-ids', '5,9,40', '--out', out, ...more);
      expect(code).toBe(0);
      return valuesIn(out, 'last_hidden_state');
    };
    const plain = await outOf();
    expect([...(await outOf('--token-type-ids', '0,0,0'))]).toEqual([...plain]);
    expect(await outOf('--token-type-ids', '0,1,1')).not.toBeAllClose(plain, { atol: 1e-3 });
  });

  it.each(['t5-lora', 't5-prefix', 't5-prompt'])('runs an encoder-decoder with %s', async (id) => {
    const out = join(temporaryFolder(), 'y.safetensors');
    const { ids, part } = fullRow(`task/${id}`);
    const decoderIds = [...part('input.decoder_input_ids')].join(',');
    const line = ['logits', '--base', base('t5'), '--input-ids', ids.join(','), '--decoder-input-ids', decoderIds];
    const { code } = await run(...line, '--out', out, ...adapter(id));
    expect(code).toBe(0);
    expect(valuesIn(out, 'logits')).toBeAllClose(part('output.adapted'), close);
    expect([...readFile(out).keys()].toSorted()).toEqual(['decoder_input_ids', 'input_ids', 'logits']);
  });

  it.each(['vit-lora', 'vit-lora-conv'])('runs an image model with %s, attached and merged', async (id) => {
    const folder = temporaryFolder();
    const expected = golden(`task/${id}/expected.safetensors`);
    for (const [name, more] of [
      ['adapted', []],
      ['merged', ['--merged']],
    ] as const) {
      const out = join(folder, `${name}.safetensors`);
      const line = ['logits', '--base', base('vit'), '--pixel-values', pixels(folder), '--out', out, ...more];
      expect((await run(...line, ...adapter(id))).code).toBe(0);
      expect(valuesIn(out, 'logits')).toBeAllClose(valuesIn(expected, `output.${name}`), close);
    }
  });
});

describe('bad input', () => {
  const refuses = async (name: string, options: ReadonlyArray<string>, ...texts: ReadonlyArray<string>) => {
    const folder = temporaryFolder();
    const done = await run('logits', '--base', base(name), '--out', join(folder, 'y'), ...options);
    for (const text of texts) expect(done.err).toContain(text);
    expect(done.code).toBe(1);
    expect(tree(folder)).toEqual([]);
  };

  it('names what a kind of model reads', async () => {
    await refuses('llama', [], 'weft logits: --input-ids', 'what a language model reads');
    await refuses('t5', ['--input-ids', '1,2'], '--decoder-input-ids', 'what an encoder-decoder reads');
    await refuses('bert', ['--input-ids', '1', '--pixel-values', 'x'], 'no such option for an encoder');
    await refuses('vit', ['--input-ids', '1'], '--pixel-values', 'no such option for an image model');
  });

  it('refuses ids, types and lengths that the model does not have, all named', async () => {
    const wrong = ['--input-ids', '1,96', '--token-type-ids', '0,1,2'];
    await refuses('bert', wrong, 'token ids below 96', '2 types, one a token', 'types below 2');
    const long = Array.from({ length: 65 }, () => 1).join(',');
    await refuses('bert_qa', ['--input-ids', long], 'at most 64 tokens');
    await refuses('t5', ['--input-ids', '1', '--decoder-input-ids', '3,97'], 'weft logits: --decoder-input-ids', '97');
  });

  it('refuses pixels of another size or type', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'p.safetensors');
    const given = ['--pixel-values', path];
    writeFile(path, new Map([['image', { dtype: 'F32', shape: [1], bytes: new Uint8Array(4) }]]));
    await refuses('vit', given, 'pixel_values', 'images, [B, 3, 8, 8]', 'no such tensor');
    writeFile(path, new Map([['pixel_values', { dtype: 'F32', shape: [1, 3, 8, 4], bytes: new Uint8Array(384) }]]));
    await refuses('vit', given, '[1, 3, 8, 4]');
    writeFile(path, new Map([['pixel_values', { dtype: 'U8', shape: [1, 3, 8, 8], bytes: new Uint8Array(192) }]]));
    await refuses('vit', given, 'normalize the pixels');
    await refuses('vit', ['--pixel-values', join(folder, 'none')], 'none');
  });
});

import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkpointOf, checkpointOfSource, openCheckpoint, type Checkpoint } from '../../src/io/checkpoint.js';
import { readConfig } from '../../src/io/config.js';
import { serialize, type RawTensor } from '../../src/io/safetensors/write.js';
import { sourceOfBlob } from '../../src/io/source.js';
import { temporaryFolder } from './folder.js';
import { problemsOf, valueOf } from './result.js';
import { buildFile, entry } from './safetensors/build.js';

const tensor = (...bytes: ReadonlyArray<number>): RawTensor => ({
  dtype: 'U8',
  shape: [bytes.length],
  bytes: Uint8Array.from(bytes),
});
const fileOf = (tensors: Readonly<Record<string, RawTensor>>, metadata?: ReadonlyMap<string, string>): Uint8Array =>
  valueOf(serialize(new Map(Object.entries(tensors)), metadata));

const A = 'model-00001-of-00002.safetensors';
const B = 'model-00002-of-00002.safetensors';

/** A folder with files by name; text and bytes as they are, anything else as JSON. */
const folderOf = (files: Readonly<Record<string, unknown>>): string => {
  const folder = temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    const raw = typeof content === 'string' || content instanceof Uint8Array;
    writeFileSync(join(folder, name), raw ? content : JSON.stringify(content));
  }
  return folder;
};

const shards = {
  [A]: fileOf({ a: tensor(1, 2, 3), b: tensor(4) }, new Map([['format', 'pt']])),
  [B]: fileOf({ c: tensor(5, 6) }),
};
const index = (weightMap: Readonly<Record<string, unknown>>) => ({
  'model.safetensors.index.json': { metadata: { total_size: 6 }, weight_map: weightMap },
});
const complete = { ...shards, ...index({ a: A, b: A, c: B }) };

const contentOf = async (c: Checkpoint): Promise<ReadonlyArray<readonly [string, ReadonlyArray<number>]>> =>
  Promise.all([...c.tensors.keys()].map(async (k) => [k, Array.from(valueOf(await c.read(k)))] as const));

describe('one file', () => {
  const bytes = fileOf(
    { b: tensor(9), a: { dtype: 'F32', shape: [1], bytes: Uint8Array.of(0, 0, 128, 63) } },
    new Map([['k', 'v']]),
  );

  it.each<readonly [string, () => Promise<Checkpoint>]>([
    ['memory', async () => valueOf(checkpointOf(bytes))],
    [
      'a blob',
      async () => valueOf(await checkpointOfSource(sourceOfBlob(new Blob([bytes as Uint8Array<ArrayBuffer>])))),
    ],
    ['a folder', async () => valueOf(await openCheckpoint(folderOf({ 'model.safetensors': bytes })))],
    ['its path', async () => valueOf(await openCheckpoint(join(folderOf({ x: bytes }), 'x')))],
  ])('is read from %s', async (_, open) => {
    const c = await open();
    expect([...c.tensors].map(([k, t]) => [k, t.dtype, t.shape, t.byteLength])).toEqual([
      ['a', 'F32', [1], 4],
      ['b', 'U8', [1], 1],
    ]);
    expect(await contentOf(c)).toEqual([
      ['a', [0, 0, 128, 63]],
      ['b', [9]],
    ]);
    expect(c.metadata).toEqual(new Map([['k', 'v']]));
    expect(c.index).toBeUndefined();
    await c.close();
  });
  it('reads parts of tensors, and only of tensors', async () => {
    const c = valueOf(checkpointOf(bytes, 'm'));
    expect(Array.from(valueOf(await c.readRange('a', 2, 2)))).toEqual([128, 63]);
    const into = new Uint8Array(2);
    expect(valueOf(await c.readRange('a', 1, 2, into))).toBe(into);
    expect(Array.from(into)).toEqual([0, 128]);
    for (const [offset, length] of [
      [3, 2],
      [-1, 1],
      [0, -1],
      [0, 5],
      [NaN, 1],
    ] as const) {
      expect(problemsOf(await c.readRange('a', offset, length))[0]).toContain(
        'm: a: expected a range inside of 4 bytes',
      );
    }
    expect(problemsOf(await c.read('__proto__'))[0]).toContain('none of this name');
  });
  it('shows where everything lies, so that a copy can be written', async () => {
    const c = valueOf(checkpointOf(bytes, 'm'));
    const file = c.files.get('m');
    expect([...c.files.keys()]).toEqual(['m']);
    const rebuilt = [...(file?.headerBytes ?? [])];
    for (const [key, t] of c.tensors) {
      expect(t.file).toBe('m');
      expect(t.offset).toBe(rebuilt.length);
      rebuilt.push(...valueOf(await c.read(key)));
    }
    expect(rebuilt).toEqual(Array.from(bytes));
  });
  it('keeps hostile names', async () => {
    const c = valueOf(checkpointOf(buildFile(`{"__proto__":${entry('U8', [1], 0, 1)}}`, 1)));
    expect([...c.tensors.keys()]).toEqual(['__proto__']);
  });
  it('passes on what is wrong with the header, with the path', async () => {
    const folder = folderOf({ 'model.safetensors': buildFile('{}', 3) });
    expect(problemsOf(await openCheckpoint(folder))[0]).toContain(join(folder, 'model.safetensors'));
    expect(problemsOf(checkpointOf(new Uint8Array(3)))).toHaveLength(1);
  });
  it.skipIf(process.platform === 'win32')('answers a size that fits no memory with a problem', async () => {
    // A sparse file: it claims 4 TiB and takes none.
    const size = 2 ** 42;
    const head = buildFile(`{"a":${entry('U8', [size], 0, size)}}`);
    const path = join(folderOf({ x: head }), 'x');
    truncateSync(path, head.length + size);
    const c = valueOf(await openCheckpoint(path));
    expect(problemsOf(await c.read('a'))[0]).toContain('fits memory');
    expect(Array.from(valueOf(await c.readRange('a', size - 2, 2)))).toEqual([0, 0]);
    await c.close();
  });
});

describe('shards', () => {
  it('are one checkpoint', async () => {
    const folder = folderOf(complete);
    const c = valueOf(await openCheckpoint(folder));
    expect(await contentOf(c)).toEqual([
      ['a', [1, 2, 3]],
      ['b', [4]],
      ['c', [5, 6]],
    ]);
    expect([...c.tensors.values()].map((t) => t.file)).toEqual([A, A, B]);
    expect([...c.files.keys()]).toEqual([A, B]);
    expect(c.files.get(B)?.source.name).toBe(join(folder, B));
    expect(c.metadata.get('format')).toBe('pt');
    expect(c.index).toBe(join(folder, 'model.safetensors.index.json'));
    await c.close();
  });
  it('give way to model.safetensors, as in transformers', async () => {
    const c = valueOf(await openCheckpoint(folderOf({ ...complete, 'model.safetensors': fileOf({ z: tensor(1) }) })));
    expect([...c.tensors.keys()]).toEqual(['z']);
    await c.close();
  });
  it('that are missing are listed all at once', async () => {
    const found = problemsOf(await openCheckpoint(folderOf(index({ a: A, c: B }))));
    expect(found).toHaveLength(2);
    expect(found[0]).toContain(A);
    expect(found[1]).toContain(B);
    expect(found[1]).toContain('the download is incomplete');
  });
  it.each<readonly [string, Readonly<Record<string, unknown>>, ReadonlyArray<string>]>([
    ['a tensor that its shard lacks', index({ a: A, b: A, c: B, d: B }), ['weight_map.d: expected this tensor in']],
    ['a tensor that the index lacks', index({ a: A, c: B }), ['weight_map.b: expected']],
    [
      'a tensor in another shard',
      index({ a: A, b: B, c: B }),
      ['weight_map.b: expected this tensor in', 'weight_map.b: expected'],
    ],
    ['a tensor in two shards', { [B]: fileOf({ c: tensor(1), a: tensor(1) }) }, [`weight_map.a: expected ${B}`]],
    ['a truncated shard', { [B]: shards[B]?.subarray(0, -1) }, ['truncated']],
    ['no tensors', index({}), ['at least one tensor']],
    ['no map', { 'model.safetensors.index.json': '{}' }, ['weight_map']],
    ['a map of numbers', index({ a: 1, b: 2 }), ['weight_map.a', 'weight_map.b']],
    ['a list', { 'model.safetensors.index.json': '[]' }, ['index.json']],
    ['no JSON', { 'model.safetensors.index.json': '{' }, ['index.json:1:2']],
    ['a name twice', { 'model.safetensors.index.json': `{"weight_map":{"a":"${A}","a":"${B}"}}` }, ['"a" again']],
    [
      'shards in other folders',
      index({ a: `../${A}`, b: '/etc/passwd', c: 'x\\y' }),
      ['plain file name', 'plain file name', 'plain file name'],
    ],
  ])('with %s are refused', async (_, changed, expected) => {
    const found = problemsOf(await openCheckpoint(folderOf({ ...complete, ...changed })));
    expect(found).toHaveLength(expected.length);
    expected.forEach((e) => expect(found.join('\n')).toContain(e));
  });
  it.skipIf(process.platform === 'win32')('that link out of the folder are refused', async () => {
    const outside = folderOf({ secret: shards[B] });
    const folder = folderOf({ [A]: shards[A], ...index({ a: A, b: A, c: B }) });
    symlinkSync(join(outside, 'secret'), join(folder, B));
    expect(problemsOf(await openCheckpoint(folder))[0]).toContain('a link to');
  });
});

describe('folders without safetensors', () => {
  it.each(['pytorch_model.bin', 'pytorch_model.bin.index.json'])(
    'with %s are refused with the reason',
    async (name) => {
      const [found] = problemsOf(await openCheckpoint(folderOf({ [name]: 'x' })));
      expect(found).toContain(`found ${name}`);
      expect(found).toContain('can run code');
    },
  );
  it('are refused', async () => {
    expect(problemsOf(await openCheckpoint(temporaryFolder()))[0]).toContain('neither');
    expect(problemsOf(await openCheckpoint(join(temporaryFolder(), 'x')))[0]).toContain('nothing there');
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'model.safetensors'));
    expect(problemsOf(await openCheckpoint(folder))[0]).toContain('found a folder');
  });
});

describe('readConfig', () => {
  it('reads what Python wrote', async () => {
    const folder = folderOf({
      'config.json': '{"model_type": "mamba2", "time_step_limit": [0.0, Infinity], "__proto__": {"x": 1}}',
    });
    const config = valueOf(await readConfig(folder));
    expect(config['model_type']).toBe('mamba2');
    expect(config['time_step_limit']).toEqual([0, Infinity]);
    expect(Object.getPrototypeOf(config)).toBeNull();
  });
  it.each([
    ['{', '1:2'],
    ['[]', 'a JSON object, found []'],
    ['null', 'a JSON object, found null'],
    ['{"a":1,"a":2}', '"a" again'],
  ])('refuses %s', async (text, expected) => {
    expect(problemsOf(await readConfig(folderOf({ 'config.json': text })))[0]).toContain(expected);
  });
  it('refuses a missing file and one that is too large', async () => {
    const folder = temporaryFolder();
    expect(problemsOf(await readConfig(folder))[0]).toContain('nothing there');
    writeFileSync(join(folder, 'config.json'), '{}');
    truncateSync(join(folder, 'config.json'), 20_000_000);
    expect(problemsOf(await readConfig(folder))[0]).toContain('at most 16000000 bytes');
  });
});

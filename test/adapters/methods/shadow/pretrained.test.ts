import { cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCase, type GoldenCase } from '../../../../parity/case.js';
import { valuesOf } from '../../../../parity/compare.js';
import { decodeAdapter } from '../../../../src/adapters/decode.js';
import { shadowFrom } from '../../../../src/adapters/methods/shadow/from-pretrained.js';
import { checkpointOf } from '../../../../src/io/checkpoint.js';
import { encodeAdapter, loadAdapter, readAdapterFiles, readAll } from '../../../../src/io/peft.js';
import { dispose, read, tensorOf } from '../../../../src/ops/backend.js';
import { key } from '../../../../src/ops/random.js';
import { recordOf } from '../../../../src/ops/tensor.js';
import { tf } from '../../../../src/ops/tf.js';
import { renderProblems } from '../../../../src/problem.js';
import { problemsOf, right } from '../../../setup/result.js';
import { folderOf, type Config } from './running.js';

describe('a shadow that exists', () => {
  const own = async (id: string) => {
    const at = join(folderOf(id), 'model');
    const checkpoint = right(checkpointOf(await readFile(join(at, 'model.safetensors'))));
    const tensors = right(await readAll(checkpoint));
    return {
      path: 'model',
      config: JSON.parse(await readFile(join(at, 'config.json'), 'utf8')) as Config,
      weights: recordOf([...tensors].map(([name, raw]) => [name, tensorOf(valuesOf(raw), raw.shape)] as const)),
    };
  };

  it.each([
    ['llama-shadow-qwen3', 'model.', 'model.embed_tokens.weight'],
    ['gpt2-shadow-projected', 'shadow_model.', 'shadow_model.embed_tokens.weight'],
    ['llama-shadow-opt', 'model.', 'model.decoder.embed_tokens.weight'],
  ] as const)('starts an adapter with its weights, and is saved as PEFT saves it (%s)', async (id, prefix, table) => {
    const [c, model] = [await readCase(folderOf(id)), await own(id)];
    const fields = { task_type: 'CAUSAL_LM', r: 2 };
    const leaf = right(shadowFrom(model, fields, { spec: c.spec, key: key(1) }));
    const at = 'base_model.shadow_backbone.default.';
    for (const [name, param] of Object.entries(leaf.params).filter(([n]) => n.startsWith(at)))
      expect(await read(param)).toEqual(await read(model.weights[prefix + name.slice(at.length)]!));
    expect(Object.keys(leaf.params).filter((n) => !leaf.trainable.includes(n))).toEqual([
      at + table.slice(prefix.length),
    ]);
    const projection = leaf.params['base_model.shadow_projection.default.weight'];
    const brought = model.weights['shadow_hidden_projection.weight'];
    if (brought !== undefined) expect(await read(projection!)).toEqual(await read(brought));
    expect(projection?.shape).toEqual(id === 'llama-shadow-opt' ? undefined : [32, 16]);
    const shapesOf = (tensors: GoldenCase['files']['tensors']) => [...tensors].map(([n, t]) => [n, t.shape]).toSorted();
    const saved = right(await encodeAdapter(leaf));
    expect(shapesOf(right(await readAll(right(checkpointOf(saved.tensors)))))).toEqual(shapesOf(c.files.tensors));
    expect(JSON.parse(saved.config)).toMatchObject({ shadow_model: 'model', peft_type: 'SHADOW' });
    [leaf.params, model.weights].forEach((record) => dispose(record));
  });

  it('says what is missing', async () => {
    const [c, model] = [await readCase(folderOf('llama-shadow-qwen3')), await own('llama-shadow-qwen3')];
    const why = (changed: object, fields: Config = {}): string =>
      renderProblems(problemsOf(shadowFrom({ ...model, ...changed }, fields, { spec: c.spec, key: key(1) })));
    const { ['model.norm.weight']: norm, ...rest } = model.weights;
    expect(why({ weights: rest })).toContain('shadow/norm.weight');
    expect(why({ weights: { ...rest, 'model.norm.weight': tf.zeros([3]) } })).toContain('[16]');
    expect(why({ config: { model_type: 'bert' } })).toContain('a shadow of model type bert');
    expect(why({ config: { ...model.config, hidden_size: undefined } })).toContain('shadow/config.json: hidden_size');
    expect(why({}, { shadow_hidden_size: 8 })).toContain('its own sizes');
    [norm!, ...Object.values(rest)].forEach((t) => t.dispose());
  });

  it('is read from a folder inside, or where the caller says, and never elsewhere', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'weft-shadow-'));
    const at = join(folder, 'adapter');
    await cp(folderOf('llama-shadow-qwen3'), at, { recursive: true });
    const text = await readFile(join(at, 'adapter_config.json'), 'utf8');
    const { spec } = await readCase(folderOf('llama-shadow-qwen3'));
    const named = (path: string) =>
      writeFile(join(at, 'adapter_config.json'), text.replace('"shadow_model": "model"', `"shadow_model": "${path}"`));
    expect(right(await readAdapterFiles(at)).model).toMatchObject({ model_type: 'qwen3' });
    await rename(join(at, 'model'), join(folder, 'elsewhere'));
    for (const path of ['../elsewhere', join(folder, 'elsewhere'), 'someone/on-the-hub']) {
      await named(path);
      const files = right(await readAdapterFiles(at));
      expect(files.model).toBeUndefined();
      const why = renderProblems(problemsOf(decodeAdapter(files, spec)));
      expect(why).toContain('its path alone');
      expect(why).toContain('without its architecture');
    }
    const given = await loadAdapter(at, spec, { shadowModel: join(folder, 'elsewhere') });
    dispose(right(given).adapter.params);
    expect(renderProblems(problemsOf(await loadAdapter(at, spec, { shadowModel: at })))).toContain('config.json');
    // no folder stands for the shadow that PEFT builds
    await named('mirror');
    await cp(join(folder, 'elsewhere'), join(at, 'mirror'), { recursive: true });
    expect(right(await readAdapterFiles(at)).model).toBeUndefined();
    await rm(folder, { recursive: true });
  });
});

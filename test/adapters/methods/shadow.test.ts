import { cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readCase, type GoldenCase } from '../../../parity/case.js';
import { valuesOf } from '../../../parity/compare.js';
import type { Adapter, Leaf } from '../../../src/adapters/adapter.js';
import { attach } from '../../../src/adapters/apply.js';
import type { Attached } from '../../../src/adapters/attached.js';
import { compose, isMergeable, mergeable, restrict } from '../../../src/adapters/combine.js';
import { decodeAdapter } from '../../../src/adapters/decode.js';
import { init } from '../../../src/adapters/init.js';
import { trainable, withTrainable } from '../../../src/adapters/leaf.js';
import { lora } from '../../../src/adapters/methods/lora/lora.js';
import { prefixTuning } from '../../../src/adapters/methods/prefix-tuning.js';
import { promptTuning } from '../../../src/adapters/methods/prompt-tuning.js';
import { shadowFrom } from '../../../src/adapters/methods/shadow/from-pretrained.js';
import { shadow } from '../../../src/adapters/methods/shadow/shadow.js';
import { checkpointOf } from '../../../src/io/checkpoint.js';
import { readWeights } from '../../../src/io/model.js';
import { encodeAdapter, loadAdapter, readAdapterFiles, readAll } from '../../../src/io/peft.js';
import { prefill, step } from '../../../src/models/decode.js';
import { detachedShadow, shadowLoss } from '../../../src/models/detached-shadow.js';
import { generate } from '../../../src/models/generate.js';
import { causalCrossEntropy } from '../../../src/models/loss.js';
import type { LanguageModel } from '../../../src/models/model.js';
import { languageModelOf } from '../../../src/models/registry.js';
import { specOf } from '../../../src/models/spec-of.js';
import type { ModelSpec } from '../../../src/models/spec.js';
import { dispose, read, scope, tensorOf } from '../../../src/ops/backend.js';
import { key } from '../../../src/ops/random.js';
import { recordOf, type Tensor, type Weights } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { valueAndGrad } from '../../../src/ops/value-and-grad.js';
import { renderProblems } from '../../../src/problem.js';
import { integers } from '../../models/language-models.js';
import { problemsOf, right } from '../../setup/result.js';

type Config = Readonly<Record<string, unknown>>;

const folderOf = (id: string): string => fileURLToPath(new URL(`../../golden/cases/lm/${id}`, import.meta.url));

/** Shadows with models of their own. */
const pretrained = ['gpt2-shadow-projected', 'llama-shadow-opt', 'llama-shadow-qwen3'] as const;

const detachable = [
  ...pretrained,
  'gpt2-shadow',
  'llama-shadow',
  'llama-shadow-embeddings',
  'llama-shadow-one-block',
  'llama-shadow-sizes',
  'mistral-shadow',
  'opt-shadow',
  'qwen2-shadow',
  'qwen3-shadow',
] as const;

const ids = [...detachable, 'gpt_oss-shadow'] as const;

/** A case with its model, weights and adapter on the backend. */
interface Running {
  readonly case: GoldenCase;
  readonly told: { readonly prompts: number[][]; readonly generated: number[][]; readonly detached?: number[][] };
  readonly leaf: Leaf;
  readonly weights: Weights;
  readonly model: LanguageModel;
}

const running = async (id: string): Promise<Running> => {
  const c = await readCase(folderOf(id));
  return {
    case: c,
    told: JSON.parse(await readFile(join(folderOf(id), 'case.json'), 'utf8')) as Running['told'],
    leaf: right(decodeAdapter(c.files, c.spec)).adapter,
    weights: right(await readWeights({ checkpoint: c.base, spec: c.spec })),
    model: right(languageModelOf(c.spec)),
  };
};

const free = ({ leaf, weights }: Running): void => [leaf.params, weights].forEach((record) => dispose(record));

const numbersOf = async (f: () => Tensor): Promise<Float32Array> => {
  const y = scope(f);
  const values = await read(y);
  y.dispose();
  return values;
};

const close = (actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-4): void => {
  const scale = Array.from(expected).reduce((m, v) => Math.max(m, Math.abs(v)), 1e-6);
  const off = Array.from(expected).reduce((m, v, i) => Math.max(m, Math.abs(v - (actual[i] as number))), 0);
  expect(actual.length).toBe(expected.length);
  expect(off).toBeLessThan(tolerance * scale);
};

const expectedOf = ({ case: c }: Running, name: string): Float32Array => valuesOf(c.expected.get(name)!);

const givenOf = ({ case: c }: Running) => {
  const raw = (name: string) => c.expected.get(`input.${name}`)!;
  const of = (name: string): Tensor => tensorOf(Int32Array.from(valuesOf(raw(name))), raw(name).shape);
  return { inputIds: of('input_ids'), attentionMask: of('attention_mask') };
};

const prompt = [5, 17, 3, 40, 8, 21];

/** Logits of the last token, in one run and token by token behind a part of the prompt. */
const bothWays = async (
  { model, weights }: Running,
  adapter: Adapter,
): Promise<readonly [Float32Array, Float32Array]> => [
  await numbersOf(() => model.run(attach(adapter, weights), { inputIds: integers([prompt]), logitsToKeep: 1 }).logits),
  await numbersOf(() => {
    const p = attach(adapter, weights);
    const start = prefill(model, p, [prompt.slice(0, -2)]);
    return prompt.slice(-2).reduce((at, id) => step(model, p, [id], at), start).logits;
  }),
];

describe('ShadowPEFT in a model', () => {
  it.each(ids)('generates what PEFT generates for prompts of different lengths (%s)', async (id) => {
    const r = await running(id);
    const p = attach(r.leaf, r.weights);
    const before = tf.memory().numTensors;
    const found = await generate(r.model, p, r.told.prompts, { maxNewTokens: 6 });
    expect(right(found)).toEqual(r.told.generated);
    expect(tf.memory().numTensors).toBe(before);
    free(r);
  });

  it.each(ids)('continues both models from its cache (%s)', async (id) => {
    const r = await running(id);
    const [whole, stepped] = await bothWays(r, r.leaf);
    close(stepped, whole);
    free(r);
  });

  it('has one cache of both models, the base first', async () => {
    const r = await running('qwen3-shadow');
    const { cache } = r.model.run(attach(r.leaf, r.weights), { inputIds: integers([prompt]) });
    expect(cache).toHaveLength(2 + 3);
    free(r);
  });

  it.each(['llama-shadow-sizes', 'gpt2-shadow'])('has the same gradients layer by layer (%s)', async (id) => {
    const r = await running(id);
    const gradients = (checkpoint: boolean) =>
      valueAndGrad((params: Weights) => {
        const p = attach(withTrainable(r.leaf, params), r.weights);
        return causalCrossEntropy(r.model.run(p, { ...givenOf(r), checkpoint }).logits, givenOf(r).inputIds);
      })(trainable(r.leaf)).grads;
    const [kept, again] = [gradients(false), gradients(true)];
    for (const name of Object.keys(kept)) close(await read(again[name]!), await read(kept[name]!));
    [kept, again].forEach((record) => dispose(record));
    free(r);
  });

  it.each([
    ['soft tokens', promptTuning],
    ['a prefix', prefixTuning],
  ] as const)('stands behind %s and beside other adapters', async (_, method) => {
    const r = await running('llama-shadow');
    const made = (m: typeof lora | typeof method, config: Config): Leaf =>
      right(init(m, { task_type: 'CAUSAL_LM', ...config }, { spec: r.case.spec, key: key(3), weights: r.weights }));
    const virtual = made(method, { num_virtual_tokens: 3 });
    const low = made(lora, { target_modules: ['q_proj', 'embed_tokens'], init_lora_weights: false });
    const [alone] = await bothWays(r, r.leaf);
    for (const other of [virtual, low]) {
      const [whole, stepped] = await bothWays(r, compose<Adapter['algebra']>(other, r.leaf));
      close(stepped, whole);
      expect(Math.max(...whole.map((v, i) => Math.abs(v - (alone[i] as number))))).toBeGreaterThan(1e-3);
      dispose(other.params);
    }
    free(r);
  });

  it('stands beside a mixture of adapters, whose two passes it corrects alike', async () => {
    const [r, mixed] = [await running('llama-shadow'), await readCase(folderOf('llama-xlora'))];
    const { adapter } = right(decodeAdapter(mixed.files, mixed.spec));
    const [whole, stepped] = await bothWays(r, compose<Adapter['algebra']>(adapter, r.leaf));
    close(stepped, whole);
    dispose(adapter.params);
    free(r);
  });

  it('reads embeddings in place of ids, unless it is of another width', async () => {
    const [shared, sized] = [await running('llama-shadow'), await running('llama-shadow-sizes')];
    const byIds = (r: Running) => r.model.run(attach(r.leaf, r.weights), { inputIds: integers([prompt]) }).logits;
    const byEmbeddings = (r: Running) => {
      const p = attach(r.leaf, r.weights);
      return r.model.run(p, { inputsEmbeds: r.model.embed(p, integers([prompt])) }).logits;
    };
    close(await numbersOf(() => byEmbeddings(shared)), await numbersOf(() => byIds(shared)));
    expect(() => scope(() => byEmbeddings(sized))).toThrow(/inputIds, because the shadow is 16 wide/);
    [shared, sized].forEach(free);
  });

  it('is nothing without the shadow, and takes one', async () => {
    const r = await running('llama-shadow');
    const run = (p: Attached | Weights) => r.model.run(p, { inputIds: integers([prompt]) }).logits;
    const base = await numbersOf(() => run(r.weights));
    const blocks = restrict(['model.layers.0', 'model.layers.1'], r.leaf);
    expect(await numbersOf(() => run(attach(blocks, r.weights)))).toEqual(base);
    expect(() => scope(() => run(attach(compose(r.leaf, r.leaf), r.weights)))).toThrow(/one shadow/);
    free(r);
  });
});

describe('a shadow on its own', () => {
  it.each(detachable)('computes and generates what PEFT does (%s)', async (id) => {
    const r = await running(id);
    const p = attach(r.leaf, r.weights);
    const alone = right(detachedShadow(r.case.spec, p));
    close(await numbersOf(() => alone.run(p, givenOf(r)).logits), expectedOf(r, 'detached'));
    const before = tf.memory().numTensors;
    expect(right(await generate(alone, p, r.told.prompts, { maxNewTokens: 6 }))).toEqual(r.told.detached);
    expect(tf.memory().numTensors).toBe(before);
    free(r);
  });

  it('is there for mixtures of experts too, which PEFT does not detach', async () => {
    const r = await running('gpt_oss-shadow');
    const p = attach(r.leaf, r.weights);
    const alone = right(detachedShadow(r.case.spec, p));
    const loss = await numbersOf(() => causalCrossEntropy(alone.run(p, givenOf(r)).logits, givenOf(r).inputIds));
    close(loss, expectedOf(r, 'loss.shadow'));
    free(r);
  });

  it('is of weights with a shadow beside them', async () => {
    const r = await running('llama-shadow');
    expect(renderProblems(problemsOf(detachedShadow(r.case.spec, r.weights)))).toContain('a ShadowPEFT adapter beside');
    const alone = right(detachedShadow(r.case.spec, attach(r.leaf, r.weights)));
    expect(() => alone.run(r.weights, { inputIds: integers([prompt]) })).toThrow(/the shadow beside them/);
    free(r);
  });

  it.each(ids)("adds its loss as PEFT does, with PEFT's gradients (%s)", async (id) => {
    const r = await running(id);
    const given = givenOf(r);
    const alone = right(detachedShadow(r.case.spec, attach(r.leaf, r.weights)));
    const { value, grads } = valueAndGrad((params: Weights) => {
      const p = attach(withTrainable(r.leaf, params), r.weights);
      const own = causalCrossEntropy(r.model.run(p, given).logits, given.inputIds);
      return tf.add(own, shadowLoss(alone, p, given, given.inputIds));
    })(trainable(r.leaf));
    close(await read(value), expectedOf(r, 'loss.total'));
    const names = [...r.case.expected.keys()].filter((name) => name.startsWith('total.'));
    expect(names.length).toBeGreaterThan(1);
    for (const name of names) close(await read(grads[name.slice('total.'.length)]!), expectedOf(r, name), 1e-3);
    const weight = r.leaf.config as unknown as { readonly auxiliary_loss_weight: number };
    const penalty = await numbersOf(() => shadowLoss(alone, attach(r.leaf, r.weights), given, given.inputIds));
    close(penalty, [weight.auxiliary_loss_weight * (expectedOf(r, 'loss.shadow')[0] as number)]);
    value.dispose();
    dispose(grads);
    free(r);
  });
});

/** A model of some width without weights. */
const wide = (config: Config, shapes: Readonly<Record<string, number[]>>): ModelSpec => right(specOf(config, shapes));

const llama = wide(
  {
    model_type: 'llama',
    architectures: ['LlamaForCausalLM'],
    hidden_size: 128,
    intermediate_size: 64,
    num_hidden_layers: 4,
    num_attention_heads: 4,
    vocab_size: 50,
    initializer_range: 0.05,
    pad_token_id: 7,
  },
  {
    'model.embed_tokens.weight': [50, 128],
    ...Object.fromEntries([0, 1, 2, 3].map((i) => [`model.layers.${i}.input_layernorm.weight`, [128]])),
  },
);

const deviation = (values: Float32Array): number => Math.sqrt(values.reduce((s, v) => s + v * v, 0) / values.length);

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

describe('ShadowPEFT as a value', () => {
  const made = (config: Config, spec = llama): Leaf => right(init(shadow, config, { spec, key: key(1) }));

  it('starts as transformers starts a model, and as the base computes', async () => {
    const leaf = made({ share_embeddings: false, shadow_hidden_size: 64 });
    const values = async (name: string): Promise<Float32Array> => read(leaf.params[`base_model.${name}`]!);
    const backbone = 'shadow_backbone.default';
    expect(new Set(await values(`${backbone}.norm.weight`))).toEqual(new Set([1]));
    expect(deviation(await values(`${backbone}.layers.0.mlp.up_proj.weight`))).toBeCloseTo(0.05, 2);
    const table = await values(`${backbone}.embed_tokens.weight`);
    expect(new Set(table.subarray(7 * 64, 8 * 64))).toEqual(new Set([0]));
    expect(deviation(table)).toBeCloseTo(0.05 * Math.sqrt(49 / 50), 2);
    const block = 'model.model.layers.3.shadow';
    expect(new Set(await values(`${block}_up.default.weight`))).toEqual(new Set([0]));
    for (const [name, fan] of [
      [`${block}_down.default.weight`, 128],
      [`${block}_update_gate.default.0.weight`, 128],
      [`${block}_update_gate.default.0.bias`, 128],
      [`${block}_update_transform.default.2.weight`, 8],
      [`${block}_update_transform.default.2.bias`, 8],
      ['shadow_projection.default.weight', 64],
    ] as const) {
      const drawn = (await values(name)).map(Math.abs);
      expect(Math.max(...drawn)).toBeLessThanOrEqual(1 / Math.sqrt(fan));
      expect(Math.max(...drawn)).toBeGreaterThan(0.5 / Math.sqrt(fan));
    }
    const open = made({ init_weights: false });
    expect(deviation(await read(open.params[`base_model.${block}_up.default.weight`]!))).toBeGreaterThan(0.1);
    [leaf, open].forEach(({ params }) => dispose(params));
  });

  it('keeps the sizes of heads that the base has, where its config does not tell them', () => {
    const leaf = made({ shadow_hidden_size: 16, shadow_num_attention_heads: 8, shadow_num_hidden_layers: 2 });
    const shapeOf = (name: string) => leaf.params[`base_model.shadow_backbone.default.layers.1.${name}.weight`]?.shape;
    expect(shapeOf('self_attn.q_proj')).toEqual([8 * 32, 16]);
    expect(shapeOf('self_attn.k_proj')).toEqual([4 * 32, 16]);
    expect(shapeOf('mlp.up_proj')).toEqual([64, 16]);
    dispose(leaf.params);
  });

  it("starts GPT-2's outputs by its depth", async () => {
    const c = await readCase(folderOf('gpt2-shadow'));
    const leaf = made({ shadow_num_hidden_layers: 8, shadow_hidden_size: 64 }, c.spec);
    const at = 'base_model.shadow_backbone.default.h.3.mlp';
    expect(deviation(await read(leaf.params[`${at}.c_fc.weight`]!))).toBeCloseTo(0.02, 3);
    expect(deviation(await read(leaf.params[`${at}.c_proj.weight`]!))).toBeCloseTo(0.005, 3);
    expect(new Set(await read(leaf.params[`${at}.c_proj.bias`]!))).toEqual(new Set([0]));
    dispose(leaf.params);
  });

  it('computes what the base computes at its start', async () => {
    const r = await running('opt-shadow');
    const leaf = made({}, r.case.spec);
    const run = (p: Attached | Weights) => r.model.run(p, { inputIds: integers([prompt]) }).logits;
    close(await numbersOf(() => run(attach(leaf, r.weights))), await numbersOf(() => run(r.weights)), 1e-6);
    dispose(leaf.params);
    free(r);
  });

  it('trains all of it but a table that nothing reads', async () => {
    const [gpt2, own] = [await running('gpt2-shadow'), await running('llama-shadow-embeddings')];
    const idle = 'base_model.shadow_backbone.default.wte.weight';
    expect(Object.keys(gpt2.leaf.params).filter((n) => !gpt2.leaf.trainable.includes(n))).toEqual([idle]);
    expect(own.leaf.trainable).toHaveLength(Object.keys(own.leaf.params).length);
    expect(own.leaf.trainable).toContain('base_model.model.lm_head.weight');
    [gpt2, own].forEach(free);
  });

  it('does not merge, and says why', async () => {
    const r = await running('llama-shadow');
    expect(isMergeable(r.leaf)).toBe(false);
    expect(renderProblems(problemsOf(mergeable(r.leaf)))).toContain('which no single weight can hold');
    free(r);
  });

  const why = (config: Config, spec = llama): string =>
    renderProblems(problemsOf(init(shadow, config, { spec, key: key(1) })));

  it('says what does not fit, all at once', () => {
    const all = why({ r: 0, shadow_dropout: 1, shadow_hidden_size: 0, update_hidden_size: -1, share_embeddings: 1 });
    for (const field of ['r', 'shadow_dropout', 'shadow_hidden_size', 'update_hidden_size', 'share_embeddings'])
      expect(all).toContain(`adapter_config.json: ${field}`);
    const model = why({ shadow_model: 'someone/small', shadow_hidden_size: 8, shadow_num_hidden_layers: 1 });
    expect(model).toMatch(/shadow_num_hidden_layers[^]*shadow_hidden_size[^]*shadow_model/);
    expect(model).toContain('its own sizes');
    expect(why({ task_type: 'SEQ_CLS' })).toContain('SEQ_CLS');
    expect(why({ layers_to_transform: [1] })).toContain('PEFT adapts every block');
    expect(why({ layers_pattern: 'layers' })).toContain('layers_to_transform');
    expect(why({ target_modules: ['0', '1'], layers_to_transform: [1] })).toContain('target_modules');
    expect(why({ target_modules: ['layers.0', 'layers.2', 'layers.3'] })).toContain(
      'model.layers.2 after model.layers.0',
    );
    expect(why({ target_modules: ['layers.0', 'input_layernorm'] })).toContain('whole decoder blocks');
    expect(why({ shadow_num_attention_heads: 3 })).toContain('a divisor of 3 heads');
  });

  it('knows the models that it has shadows of', async () => {
    const bert = wide(
      { model_type: 'bert', architectures: ['BertModel'] },
      { 'embeddings.word_embeddings.weight': [9, 4] },
    );
    expect(why({}, bert)).toContain('a shadow of model type bert');
    const opt = (await readCase(folderOf('opt-shadow'))).spec;
    const projected = { ...opt, config: { ...opt.config, word_embed_proj_dim: 8 } };
    expect(why({}, projected)).toContain('fails when it runs');
    expect(why({ shadow_hidden_size: 16 }, opt)).toContain('fails when it runs');
  });

  it('reads the files of PEFT alone: names and shapes', async () => {
    const c = await readCase(folderOf('llama-shadow'));
    const gate = 'base_model.model.model.layers.1.shadow_update_gate.default.2.bias';
    const lost = new Map([...c.files.tensors].filter(([name]) => name !== gate));
    expect(renderProblems(problemsOf(decodeAdapter({ ...c.files, tensors: lost }, c.spec)))).toContain(gate);
    const config = { ...(c.files.config as object), shadow_intermediate_size: 40 };
    const wrong = renderProblems(problemsOf(decodeAdapter({ ...c.files, config }, c.spec)));
    expect(wrong).toMatch(/mlp\.down_proj\.weight.*\[32, 40\]/);
  });
});

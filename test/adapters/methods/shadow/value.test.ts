import { describe, expect, it } from 'vitest';
import { readCase } from '../../../../parity/case.js';
import type { Leaf } from '../../../../src/adapters/adapter.js';
import { attach } from '../../../../src/adapters/apply.js';
import type { Attached } from '../../../../src/adapters/attached.js';
import { isMergeable, mergeable } from '../../../../src/adapters/combine.js';
import { decodeAdapter } from '../../../../src/adapters/decode.js';
import { init } from '../../../../src/adapters/init.js';
import { shadow } from '../../../../src/adapters/methods/shadow/shadow.js';
import { specOf } from '../../../../src/models/spec-of.js';
import type { ModelSpec } from '../../../../src/models/spec.js';
import { dispose, read } from '../../../../src/ops/backend.js';
import { key } from '../../../../src/ops/random.js';
import { type Weights } from '../../../../src/ops/tensor.js';
import { renderProblems } from '../../../../src/problem.js';
import { integers } from '../../../models/language-models.js';
import { problemsOf, right } from '../../../setup/result.js';
import { folderOf, running, free, numbersOf, close, prompt, type Config } from './running.js';

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

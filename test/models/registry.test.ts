import { describe, expect, it } from 'vitest';
import { E } from '../../src/fp.js';
import { decodeGptOssConfig, type GptOssConfig } from '../../src/models/gpt-oss-config.js';
import { decodeLlamaConfig, type LlamaConfig } from '../../src/models/llama-config.js';
import { decodeOptConfig, type OptConfig } from '../../src/models/opt-config.js';
import { encoderDecoderOf, forward, languageModelOf, modelOf, modelTypes } from '../../src/models/registry.js';
import { decodeT5Config, type T5Config } from '../../src/models/t5-config.js';
import { tensorOf } from '../../src/ops/backend.js';
import type { Config } from '../../src/models/config.js';
import { baseConfig, baseWeights, specOf } from './golden.js';

const problemsOf = (config: Config) => {
  const model = modelOf(specOf(config));
  return E.isLeft(model) ? model.left : [];
};

const decoded = (modelType: string, config: Config): LlamaConfig => {
  const c = decodeLlamaConfig(modelType, config);
  if (E.isLeft(c)) throw new TypeError(JSON.stringify(c.left));
  return c.right;
};

describe('modelOf', () => {
  it('knows seven decoders, an encoder, two encoder-decoders and an image model', () => {
    const decoders = ['gpt2', 'gpt_oss', 'llama', 'mistral', 'opt', 'qwen2', 'qwen3'];
    expect(modelTypes.toSorted()).toEqual([...decoders, 'bert', 'mt5', 't5', 'vit'].toSorted());
  });

  it('names the known types when it does not know one', () => {
    const [p, ...rest] = problemsOf({ model_type: 'mamba' });
    expect(rest).toEqual([]);
    expect(p).toMatchObject({ at: 'config.json: model_type', found: 'mamba' });
    modelTypes.forEach((type) => expect(p?.expected).toContain(type));
    expect(problemsOf({})[0]?.found).toBe('nothing');
    expect(problemsOf({ model_type: 'constructor' })[0]?.found).toBe('constructor');
  });

  it('wants a language-model head', () => {
    expect(problemsOf({ ...baseConfig('llama'), architectures: ['LlamaForSequenceClassification'] })).toMatchObject([
      { at: 'config.json: architectures', found: 'LlamaForSequenceClassification' },
    ]);
    expect(problemsOf({ ...baseConfig('llama'), architectures: undefined })).toEqual([]);
  });

  it('names every field of a wrong type at once', () => {
    const config = {
      ...baseConfig('llama'),
      hidden_size: 0,
      num_hidden_layers: 1.5,
      rms_norm_eps: '1e-6',
      hidden_act: 3,
    };
    expect(problemsOf(config)).toMatchObject([
      { at: 'config.json: hidden_size', expected: 'a positive integer', found: '0' },
      { at: 'config.json: num_hidden_layers', found: '1.5' },
      { at: 'config.json: hidden_act', found: '3' },
      { at: 'config.json: rms_norm_eps', found: '"1e-6"' },
    ]);
    expect(problemsOf({ ...baseConfig('gpt2'), n_head: -1, scale_attn_weights: 'yes' }).map((p) => p.at)).toEqual([
      'config.json: n_head',
      'config.json: scale_attn_weights',
    ]);
  });

  it('names every value that does not fit the others at once', () => {
    const llama = { ...baseConfig('llama'), num_key_value_heads: 3, hidden_act: 'nonsense' };
    expect(problemsOf(llama).map((p) => p.at)).toEqual(['config.json: num_key_value_heads', 'config.json: hidden_act']);
    const qwen = { ...baseConfig('qwen2'), layer_types: ['full_attention', 'sliding_attention', 'linear_attention'] };
    expect(problemsOf(qwen).map((p) => p.at)).toEqual([
      'config.json: layer_types',
      'config.json: layer_types.2',
      'config.json: sliding_window',
    ]);
    const gpt2 = { ...baseConfig('gpt2'), n_embd: 33, activation_function: 'nonsense' };
    expect(problemsOf(gpt2).map((p) => p.at)).toEqual(['config.json: n_embd', 'config.json: activation_function']);
    const opt = { ...baseConfig('opt'), hidden_size: 33, activation_function: 'nonsense' };
    expect(problemsOf(opt).map((p) => p.at)).toEqual(['config.json: hidden_size', 'config.json: activation_function']);
    const oss = { ...baseConfig('gpt_oss'), num_experts_per_tok: 5, sliding_window: null, num_key_value_heads: 3 };
    expect(problemsOf(oss).map((p) => p.at)).toEqual([
      'config.json: num_key_value_heads',
      'config.json: sliding_window',
      'config.json: num_experts_per_tok',
    ]);
    const partial = {
      ...baseConfig('llama'),
      rope_parameters: { rope_type: 'linear', factor: 2, partial_rotary_factor: 0.5 },
    };
    expect(problemsOf(partial).map((p) => p.at)).toEqual(['config.json: partial_rotary_factor']);
  });
});

describe('models of other kinds', () => {
  const at = (config: Config): ReadonlyArray<string> => problemsOf(config).map((p) => p.at);

  it('want a class that they know, and name those', () => {
    const unknown = { ...baseConfig('bert'), architectures: ['BertForMultipleChoice'] };
    expect(problemsOf(unknown)).toMatchObject([
      {
        at: 'config.json: architectures',
        found: 'BertForMultipleChoice',
        expected: expect.stringContaining('BertModel'),
      },
    ]);
    expect(problemsOf({ ...baseConfig('vit'), architectures: undefined })).toMatchObject([{ found: 'nothing' }]);
    expect(at({ ...baseConfig('t5'), architectures: ['T5ForQuestionAnswering'] })).toEqual([
      'config.json: architectures',
    ]);
  });

  it('name every value that does not fit, the class among them', () => {
    const bert = { ...baseConfig('bert'), hidden_size: 33, hidden_act: 'nonsense', is_decoder: true };
    expect(at({ ...bert, architectures: ['None'] }).toSorted()).toEqual([
      'config.json: architectures',
      'config.json: hidden_act',
      'config.json: hidden_size',
      'config.json: is_decoder',
    ]);
    const t5 = { ...baseConfig('t5'), feed_forward_proj: 'gated-nonsense', relative_attention_num_buckets: 3 };
    expect(at(t5)).toEqual(['config.json: feed_forward_proj', 'config.json: relative_attention_num_buckets']);
    const near = { ...baseConfig('t5'), relative_attention_max_distance: 16 };
    expect(problemsOf(near)).toMatchObject([
      { at: 'config.json: relative_attention_max_distance', expected: 'more than 16', found: '16' },
    ]);
    expect(at({ ...baseConfig('vit'), patch_size: [4, 9] })).toEqual(['config.json: patch_size']);
    expect(at({ ...baseConfig('vit'), image_size: [8, 8, 8] })).toEqual(['config.json: image_size']);
  });

  it('are no language models, and only some are encoder-decoders', () => {
    for (const base of ['bert', 't5', 'vit'])
      expect(languageModelOf(specOf(baseConfig(base)))).toMatchObject({ left: [{ at: 'config.json: architectures' }] });
    expect(E.isRight(encoderDecoderOf(specOf(baseConfig('t5'))))).toBe(true);
    expect(E.isLeft(encoderDecoderOf(specOf(baseConfig('llama'))))).toBe(true);
  });
});

describe('decodeT5Config', () => {
  const read = (modelType: string, config: Config): T5Config => {
    const c = decodeT5Config(modelType, config);
    if (E.isLeft(c)) throw new TypeError(JSON.stringify(c.left));
    return c.right;
  };

  it('has the defaults of transformers', () => {
    expect(read('t5', {})).toMatchObject({
      encoderLayers: 6,
      decoderLayers: 6,
      heads: 8,
      headDim: 64,
      epsilon: 1e-6,
      gated: false,
      buckets: { count: 32, maxDistance: 128 },
      outputScale: 512 ** -0.5,
      start: undefined,
    });
    expect(read('mt5', {})).toMatchObject({ encoderLayers: 8, heads: 6, gated: true, outputScale: 1, start: 0 });
  });

  it('scales outputs unless a field says otherwise: its own, or the tie of older files', () => {
    expect(read('t5', { tie_word_embeddings: false }).outputScale).toBe(1);
    expect(read('t5', { tie_word_embeddings: false, scale_decoder_outputs: true }).outputScale).toBe(512 ** -0.5);
    expect(read('t5', { scale_decoder_outputs: false }).outputScale).toBe(1);
  });

  it('has as many layers in the decoder as in the encoder, unless told', () => {
    expect(read('t5', { num_layers: 3 }).decoderLayers).toBe(3);
    expect(read('t5', { num_layers: 3, num_decoder_layers: 2 })).toMatchObject({ encoderLayers: 3, decoderLayers: 2 });
  });
});

describe('decodeLlamaConfig', () => {
  it.each<[string, Partial<LlamaConfig>]>([
    ['llama', { layers: 32, heads: 32, groups: 32, headDim: 128, epsilon: 1e-6, tied: false, normalizedHeads: false }],
    ['mistral', { layers: 32, heads: 32, groups: 8, headDim: 128, windows: Array.from({ length: 32 }, () => 4096) }],
    [
      'qwen2',
      { groups: 32, headDim: 128, normalizedHeads: false, windows: Array.from({ length: 32 }, () => undefined) },
    ],
    ['qwen3', { groups: 32, headDim: 128, normalizedHeads: true }],
  ])('%s has the defaults of transformers', (type, fields) => {
    expect(decoded(type, {})).toMatchObject(fields);
    expect(decoded(type, {}).rope).toEqual({ theta: 10000, dim: 128, scaling: { _tag: 'Default' } });
  });

  it('tells an absent field from null', () => {
    expect(decoded('mistral', { num_key_value_heads: null }).groups).toBe(32);
    expect(decoded('mistral', { sliding_window: null, num_hidden_layers: 2 }).windows).toEqual([undefined, undefined]);
    expect(decoded('qwen3', { hidden_size: 64, num_attention_heads: 4, num_key_value_heads: 2 }).headDim).toBe(128);
    expect(decoded('qwen2', { hidden_size: 64, num_attention_heads: 4, num_key_value_heads: 2 }).headDim).toBe(16);
  });

  it('gives windows to the layers that have them', () => {
    const qwen = { num_hidden_layers: 3, sliding_window: 5 };
    expect(decoded('qwen2', { ...qwen, max_window_layers: 1 }).windows).toEqual([undefined, undefined, undefined]);
    const sliding = { ...qwen, use_sliding_window: true };
    expect(decoded('qwen2', { ...sliding, max_window_layers: 1 }).windows).toEqual([undefined, 5, 5]);
    const layer_types = ['sliding_attention', 'full_attention', 'full_attention'];
    expect(decoded('qwen2', { ...sliding, layer_types }).windows).toEqual([5, undefined, undefined]);
  });

  it('reads the padding row', () => {
    expect(decoded('llama', { pad_token_id: -1 }).padding).toBe(-1);
    expect(decoded('llama', { pad_token_id: null }).padding).toBeUndefined();
  });

  it('passes over a partial factor for plain rope, as transformers does', () => {
    expect(decoded('llama', { partial_rotary_factor: 0.5 }).rope.dim).toBe(128);
  });
});

describe('decodeOptConfig', () => {
  const read = (config: Config): OptConfig => {
    const c = decodeOptConfig(config);
    if (E.isLeft(c)) throw new TypeError(JSON.stringify(c.left));
    return c.right;
  };

  it('has the defaults of transformers', () => {
    const shape = { layers: 12, heads: 12, headDim: 64, positions: 2048 };
    expect(read({})).toMatchObject({
      ...shape,
      normFirst: true,
      finalNorm: true,
      affine: true,
      tied: true,
      padding: 1,
    });
    expect(read({ pad_token_id: null }).padding).toBeUndefined();
  });

  it('projects where embeddings have a width of their own', () => {
    expect(read({}).projected).toBe(false);
    expect(read({ word_embed_proj_dim: 768 }).projected).toBe(false);
    expect(read({ word_embed_proj_dim: 512 }).projected).toBe(true);
  });

  it('has no last normalization where layers normalize what they give', () => {
    expect(read({ do_layer_norm_before: false }).finalNorm).toBe(false);
    expect(read({ _remove_final_layer_norm: true })).toMatchObject({ normFirst: true, finalNorm: false });
  });
});

describe('decodeGptOssConfig', () => {
  const read = (config: Config): GptOssConfig => {
    const c = decodeGptOssConfig(config);
    if (E.isLeft(c)) throw new TypeError(JSON.stringify(c.left));
    return c.right;
  };

  it('has the defaults of transformers', () => {
    const c = read({ num_hidden_layers: 3 });
    expect(c).toMatchObject({ heads: 64, groups: 8, headDim: 64, epsilon: 1e-5, expertsPerToken: 4, tied: false });
    expect(c.windows).toEqual([128, undefined, 128]);
    const yarn = { _tag: 'Yarn', factor: 32, betaFast: 32, betaSlow: 1, truncate: false, originalPositions: 4096 };
    expect(c.rope).toMatchObject({ theta: 150000, dim: 64, scaling: yarn });
  });

  it('reads the older fields of rope', () => {
    const scaling = { rope_type: 'yarn', factor: 8, original_max_position_embeddings: 64, truncate: true };
    const { rope } = read({ rope_scaling: scaling, rope_theta: 500 });
    expect(rope).toMatchObject({
      theta: 500,
      scaling: { _tag: 'Yarn', factor: 8, originalPositions: 64, truncate: true },
    });
  });

  it('tells an absent field from null', () => {
    const c = read({ hidden_size: 2944, num_key_value_heads: null, head_dim: null });
    expect(c).toMatchObject({ groups: 64, headDim: 46 });
  });
});

describe('forward', () => {
  it('throws for what modelOf refuses and for weights of another model', () => {
    const inputs = { inputIds: tensorOf(Int32Array.from([1, 2]), [1, 2]) };
    expect(() => forward(specOf({ model_type: 'mamba' }), {}, inputs)).toThrow(/model_type/);
    expect(() => forward(specOf(baseConfig('llama')), baseWeights('gpt2'), inputs)).toThrow(
      /model\.embed_tokens\.weight/,
    );
  });

  it('throws for inputs that do not fit each other', () => {
    const inputIds = tensorOf(Int32Array.from([1, 2]), [1, 2]);
    const [spec, p] = [specOf(baseConfig('gpt2')), baseWeights('gpt2')];
    expect(() => forward(spec, p, { inputIds, positionIds: [[0]] })).toThrow(/positionIds/);
    expect(() => forward(spec, p, { inputIds, positionIds: [[0, 64]] })).toThrow(/below 64/);
    expect(() => forward(spec, p, { inputIds: tensorOf(Int32Array.from([1, 2]), [2]) })).toThrow(/inputIds/);
  });
});

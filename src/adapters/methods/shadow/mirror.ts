/**
 * The config.json of the shadow that PEFT builds by itself: the base's, with fewer or smaller layers.
 */
import type { ModelSpec } from '../../../models/spec.js';
import type { ShadowConfig } from './config.js';
import type { Stack } from './stack.js';

type Config = ModelSpec['config'];

/** A field that is a number. */
export const numberIn = (config: Config, name: string): number | undefined => {
  const value = config[name];
  return typeof value === 'number' ? value : undefined;
};

/** Sizes that transformers works out from others once, when the base is loaded, and that a smaller model keeps. */
const fixed = (type: string, config: Config, width: number): Config => {
  const heads = numberIn(config, 'num_attention_heads');
  const groups = config['num_key_value_heads'];
  const ungrouped = groups === null || (groups === undefined && type === 'llama');
  const perHead = ['llama', 'mistral'].includes(type) || (type === 'gpt_oss' && config['head_dim'] === null);
  return {
    ...(perHead && heads !== undefined ? { head_dim: config['head_dim'] ?? width / heads } : {}),
    ...(ungrouped && heads !== undefined ? { num_key_value_heads: heads } : {}),
    ...(type === 'opt' ? { word_embed_proj_dim: config['word_embed_proj_dim'] ?? width } : {}),
  };
};

const FULL = 'full_attention';
const SLIDING = 'sliding_attention';

/** The kinds of the base's layers, where its model type has more than one. */
const layerTypes = (type: string, config: Config, layers: number): ReadonlyArray<unknown> | undefined => {
  const given = config['layer_types'];
  if (Array.isArray(given)) return given;
  const each = (slides: (i: number) => boolean): ReadonlyArray<string> =>
    Array.from({ length: layers }, (_, i) => (slides(i) ? SLIDING : FULL));
  if (type === 'gpt_oss') return each((i) => i % 2 === 0);
  if (type !== 'qwen2' && type !== 'qwen3') return undefined;
  const first = numberIn(config, 'max_window_layers') ?? 28;
  return each((i) => config['use_sliding_window'] === true && config['sliding_window'] !== null && i >= first);
};

/** As many kinds as layers: the first ones, and the last one again where there are too few. */
const resized = (types: ReadonlyArray<unknown>, n: number): ReadonlyArray<unknown> =>
  Array.from({ length: n }, (_, i) => types[Math.min(i, types.length - 1)] ?? FULL);

/** The base's own sizes. */
export interface BaseSizes {
  readonly width: number;
  readonly layers: number;
}

/** The shadow's config.json, for a base of a known model type. */
export const mirroredConfig = (
  c: ShadowConfig,
  stack: Stack,
  base: ModelSpec,
  { width, layers }: BaseSizes,
): Config => {
  const type = base.modelType ?? '';
  const count = c.shadow_num_hidden_layers || 1;
  const types = layerTypes(type, base.config, layers);
  return {
    ...base.config,
    ...fixed(type, base.config, width),
    [stack.layers]: count,
    [stack.hidden]: c.shadow_hidden_size ?? width,
    ...(c.shadow_intermediate_size === null ? {} : { [stack.inner]: c.shadow_intermediate_size }),
    ...(c.shadow_num_attention_heads === null ? {} : { [stack.heads]: c.shadow_num_attention_heads }),
    ...(types === undefined ? {} : { layer_types: resized(types, count) }),
  };
};

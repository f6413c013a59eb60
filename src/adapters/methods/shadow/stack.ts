/**
 * Where decoders keep their layers, by `model_type`.
 */
import type { ModelSpec } from '../../../models/spec.js';

/** A decoder's list of layers, and what its config calls their number and sizes. */
export interface Stack {
  /** Path of the model without its head, in a model with one. */
  readonly path: string;
  /** Its list of layers. */
  readonly list: string;
  readonly layers: string;
  readonly hidden: string;
  readonly inner: string;
  readonly heads: string;
}

const standard = { layers: 'num_hidden_layers', hidden: 'hidden_size', heads: 'num_attention_heads' } as const;
const llama: Stack = { path: 'model', list: 'layers', inner: 'intermediate_size', ...standard };

/** The decoders that may have a shadow, or be one. */
export const stacks: Readonly<Record<string, Stack>> = {
  llama,
  mistral: llama,
  qwen2: llama,
  qwen3: llama,
  gpt_oss: llama,
  opt: { path: 'model.decoder', list: 'layers', inner: 'ffn_dim', ...standard },
  gpt2: { path: 'transformer', list: 'h', layers: 'n_layer', hidden: 'n_embd', inner: 'n_inner', heads: 'n_head' },
};

/** The stack of a model type, if it is a known one. */
export const stackOf = (modelType: string | undefined): Stack | undefined =>
  modelType !== undefined && Object.hasOwn(stacks, modelType) ? stacks[modelType] : undefined;

const listOf = ({ path, list }: Stack): string => `${path}.${list}`;

/** The path of a model's list of layers. */
export const layersPath = ({ modelType }: ModelSpec): string | undefined => {
  const stack = stackOf(modelType);
  return stack === undefined ? undefined : listOf(stack);
};

/** Every block, by `model_type`: what a config without targets means. */
export const everyBlock: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(stacks).map(([type, stack]) => [type, `${listOf(stack).replaceAll('.', '\\.')}\\.\\d+`]),
);

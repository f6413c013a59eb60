/**
 * A Llama-shaped bf16 checkpoint and a LoRA adapter of chosen size, with random values, written as a stream.
 */
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { headerBytes, serialize, type RawTensor, type TensorType } from '../../src/io/safetensors/write.js';
import type { Shape } from '../../src/ops/tensor.js';
import { orThrow } from '../../parity/or-throw.js';

/** Sizes of a Llama. */
export interface Geometry {
  readonly hidden: number;
  readonly intermediate: number;
  readonly heads: number;
  readonly groups: number;
  readonly vocabulary: number;
  readonly layers: number;
}

const MB = 1e6;
const SHARD_BYTES = 256 * MB;

const layerShapes = ({ hidden, intermediate, heads, groups }: Geometry): ReadonlyArray<readonly [string, Shape]> => {
  const narrow = (hidden / heads) * groups;
  return [
    ['self_attn.q_proj', [hidden, hidden]],
    ['self_attn.k_proj', [narrow, hidden]],
    ['self_attn.v_proj', [narrow, hidden]],
    ['self_attn.o_proj', [hidden, hidden]],
    ['mlp.gate_proj', [intermediate, hidden]],
    ['mlp.up_proj', [intermediate, hidden]],
    ['mlp.down_proj', [hidden, intermediate]],
  ];
};

/** The linear layers that the adapter targets, with their weights' shapes. */
const linears = (g: Geometry): ReadonlyArray<readonly [string, Shape]> => [
  ...Array.from({ length: g.layers }, (_, i) => i).flatMap((i) =>
    layerShapes(g).map(([name, shape]) => [`model.layers.${i}.${name}`, shape] as const),
  ),
  ['lm_head', [g.vocabulary, g.hidden]],
];

const tensorShapes = (g: Geometry): ReadonlyArray<readonly [string, Shape]> => [
  ['model.embed_tokens.weight', [g.vocabulary, g.hidden]],
  ...linears(g).map(([name, shape]) => [`${name}.weight`, shape] as const),
  ...Array.from({ length: g.layers }, (_, i) => i).flatMap((i) =>
    ['input_layernorm', 'post_attention_layernorm'].map(
      (name) => [`model.layers.${i}.${name}.weight`, [g.hidden]] as const,
    ),
  ),
  ['model.norm.weight', [g.hidden]],
];

const elements = (shape: Shape): number => shape.reduce((n, d) => n * d, 1);

const bytesOfAll = (tensors: ReadonlyArray<readonly [string, Shape]>): number =>
  tensors.reduce((n, [, shape]) => n + 2 * elements(shape), 0);

const bytesOf = (g: Geometry): number => bytesOfAll(tensorShapes(g));

/** Bytes of the checkpoint that a merge changes; the rest is copied. */
export const changedBytesOf = (g: Geometry): number => bytesOfAll(linears(g));

/**
 * The layers of TinyLlama, or of a quarter of its sizes below 400 MB, as many as come nearest to the wanted bytes. The vocabulary is small,
 * since its embeddings are not merged.
 */
export const geometryOf = (sizeMb: number): Geometry => {
  const wide = { hidden: 2048, intermediate: 5632, heads: 32, groups: 4, vocabulary: 2_000 };
  const narrow = { hidden: 512, intermediate: 1408, heads: 8, groups: 2, vocabulary: 1_000 };
  const shape = sizeMb >= 400 ? wide : narrow;
  const [one, two] = [bytesOf({ ...shape, layers: 1 }), bytesOf({ ...shape, layers: 2 })];
  return { ...shape, layers: Math.max(1, Math.round(1 + (sizeMb * MB - one) / (two - one))) };
};

/** Random 32-bit words (Marsaglia's xorshift32), the same in every run. */
const randomWords = (): ((into: Uint32Array) => void) => {
  const state = { x: 0x9e3779b9 };
  return (into) => {
    let { x } = state;
    for (let i = 0; i < into.length; i++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      into[i] = x;
    }
    state.x = x;
  };
};

/** Two bf16 numbers a word: any sign and mantissa, magnitudes from 2^-9 to 2^-5, as weights of trained models have. */
const asWeights = (words: Uint32Array): void => {
  for (let i = 0; i < words.length; i++) words[i] = ((words[i] as number) & 0x81ff81ff) | 0x3b003b00;
};

const shardsOf = (tensors: ReadonlyArray<readonly [string, Shape]>): ReadonlyArray<ReadonlyMap<string, TensorType>> => {
  const shards: Map<string, TensorType>[] = [];
  let free = 0;
  for (const [name, shape] of tensors) {
    const bytes = 2 * elements(shape);
    if (bytes > free) {
      shards.push(new Map());
      free = SHARD_BYTES;
    }
    shards.at(-1)?.set(name, { dtype: 'BF16', shape });
    free -= bytes;
  }
  return shards;
};

const writeShard = async (
  path: string,
  tensors: ReadonlyMap<string, TensorType>,
  next: (into: Uint32Array) => void,
) => {
  const { bytes, header } = orThrow(headerBytes(tensors, new Map([['format', 'pt']])));
  const handle = await open(path, 'wx');
  try {
    await handle.write(bytes);
    const words = new Uint32Array(2 ** 18);
    let left = [...header.tensors.values()].reduce((_, { end }) => end, 0);
    while (left > 0) {
      next(words);
      asWeights(words);
      const length = Math.min(left, words.byteLength);
      await handle.write(new Uint8Array(words.buffer, 0, length));
      left -= length;
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
};

const configOf = (g: Geometry): Readonly<Record<string, unknown>> => ({
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: g.hidden,
  intermediate_size: g.intermediate,
  num_attention_heads: g.heads,
  num_key_value_heads: g.groups,
  num_hidden_layers: g.layers,
  vocab_size: g.vocabulary,
  max_position_embeddings: 2048,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  tie_word_embeddings: false,
  torch_dtype: 'bfloat16',
});

/** Writes the checkpoint into an empty folder and gives its bytes; at most 1 MiB of it is in memory. */
export const writeCheckpoint = async (folder: string, g: Geometry): Promise<number> => {
  const shards = shardsOf(tensorShapes(g));
  const next = randomWords();
  const number = (i: number): string => String(i).padStart(5, '0');
  const nameOf = (i: number): string => `model-${number(i + 1)}-of-${number(shards.length)}.safetensors`;
  for (const [i, tensors] of shards.entries()) await writeShard(join(folder, nameOf(i)), tensors, next);
  const weight_map = Object.fromEntries(shards.flatMap((s, i) => [...s.keys()].map((name) => [name, nameOf(i)])));
  const index = { metadata: { total_size: bytesOf(g) }, weight_map };
  await writeFile(join(folder, 'model.safetensors.index.json'), JSON.stringify(index, null, 2));
  await writeFile(join(folder, 'config.json'), JSON.stringify(configOf(g), null, 2));
  return bytesOf(g);
};

/** Writes a float32 LoRA adapter of rank r on all linear layers into an empty folder, and gives its bytes. */
export const writeAdapter = async (folder: string, g: Geometry, r: number): Promise<number> => {
  const next = randomWords();
  const random = (shape: Shape): RawTensor => {
    const words = new Uint32Array(elements(shape));
    next(words);
    // float32 of magnitude 2^-9 to 2^-5
    words.forEach((w, i) => (words[i] = (w & 0x81ffffff) | 0x3b000000));
    return { dtype: 'F32', shape, bytes: new Uint8Array(words.buffer) };
  };
  const tensors = new Map(
    linears(g).flatMap(([name, [out, inputs]]) => [
      [`base_model.model.${name}.lora_A.weight`, random([r, inputs as number])] as const,
      [`base_model.model.${name}.lora_B.weight`, random([out as number, r])] as const,
    ]),
  );
  const bytes = orThrow(serialize(tensors, new Map([['format', 'pt']])));
  const targets = [...layerShapes(g).map(([name]) => name.split('.')[1] as string), 'lm_head'];
  const config = { peft_type: 'LORA', task_type: 'CAUSAL_LM', r, lora_alpha: 2 * r, target_modules: targets };
  await writeFile(join(folder, 'adapter_model.safetensors'), bytes);
  await writeFile(join(folder, 'adapter_config.json'), JSON.stringify(config, null, 2));
  return bytes.length;
};

/**
 * Model and adapter folders for command lines: golden ones, and broken or sharded copies of them.
 */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { peftTypes, registry } from '../../src/adapters/index.js';
import { headerOf, serialize, type RawTensor } from '../../src/io/index.js';
import { decodeFloats, encodeFloats } from '../../src/ops/dtype.js';
import { valueOf } from '../io/result.js';

const cases = fileURLToPath(new URL('../golden/cases/', import.meta.url));

/** Path of a golden folder. */
export const golden = (path: string): string => join(cases, path);

/** The base and adapter that most tests use: float32 Llama, plain LoRA on q_proj and v_proj. */
export const llama = { base: golden('bases/llama'), adapter: golden('lm/llama-lora-default') } as const;

/** The same in bfloat16, on every linear layer. */
export const bf16 = { base: golden('bases/llama_bf16'), adapter: golden('half/bf16-llama-lora') } as const;

/** A `peft_type` that PEFT has and this version of Weft does not; absent once all are there. */
export const missingMethod = peftTypes.find((type) => registry[type] === undefined);

/** The tensors of a safetensors file. */
export const readFile = (path: string): Map<string, RawTensor> => {
  const file = readFileSync(path);
  const { tensors, dataStart } = valueOf(headerOf(file, path));
  return new Map(
    [...tensors].map(([name, { dtype, shape, begin, end }]) => [
      name,
      { dtype, shape, bytes: Uint8Array.from(file.subarray(dataStart + begin, dataStart + end)) },
    ]),
  );
};

/** Writes a safetensors file. */
export const writeFile = (path: string, tensors: ReadonlyMap<string, RawTensor>): void =>
  writeFileSync(path, valueOf(serialize(tensors, new Map([['format', 'pt']]))));

/** Values of a tensor of a file. */
export const valuesIn = (path: string, name: string): Float32Array => {
  const tensor = readFile(path).get(name);
  if (tensor === undefined) throw new Error(`${path} has no ${name}`);
  return decodeFloats(tensor.dtype, tensor.bytes);
};

/** A row of a golden case that has no padding: its token ids, and its part of an output. */
export const fullRow = (path: string) => {
  const file = golden(`${path}/expected.safetensors`);
  const [ids, mask] = ['input.input_ids', 'input.attention_mask'].map((name) => valuesIn(file, name));
  const [B, T] = readFile(file).get('input.input_ids')!.shape as [number, number];
  const row = Array.from({ length: B }, (_, b) => b).find((b) =>
    mask!.slice(b * T, (b + 1) * T).every((m) => m === 1),
  )!;
  const part = (name: string): Float32Array => {
    const y = valuesIn(file, name);
    return y.slice((row * y.length) / B, ((row + 1) * y.length) / B);
  };
  return { ids: Array.from(ids!.subarray(row * T, (row + 1) * T)), part };
};

/** How a copy of a folder differs. */
export interface Edit {
  /** Fields of the JSON config; `undefined` removes one. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly tensors?: (tensors: Map<string, RawTensor>) => void;
}

const edited = (from: string, to: string, names: { readonly config: string; readonly tensors: string }, edit: Edit) => {
  mkdirSync(to, { recursive: true });
  for (const name of Object.values(names)) cpSync(join(from, name), join(to, name));
  const config = JSON.parse(readFileSync(join(from, names.config), 'utf8')) as Record<string, unknown>;
  writeFileSync(join(to, names.config), JSON.stringify({ ...config, ...edit.config }, null, 2));
  const tensors = readFile(join(from, names.tensors));
  edit.tensors?.(tensors);
  writeFile(join(to, names.tensors), tensors);
  return to;
};

/** A copy of an adapter folder with changes. */
export const editedAdapter = (from: string, to: string, edit: Edit): string =>
  edited(from, to, { config: 'adapter_config.json', tensors: 'adapter_model.safetensors' }, edit);

/** A copy of a model folder with changes. */
export const editedModel = (from: string, to: string, edit: Edit): string =>
  edited(from, to, { config: 'config.json', tensors: 'model.safetensors' }, edit);

/** The Llama base under a model type that has no forward pass, in a new folder. */
export const withoutForward = (to: string): string =>
  editedModel(llama.base, to, { config: { model_type: 'granite', architectures: ['GraniteForCausalLM'] } });

/** A tensor with other values. */
export const withValues = (tensor: RawTensor, f: (value: number, i: number) => number): RawTensor => ({
  ...tensor,
  bytes: encodeFloats(tensor.dtype, decodeFloats(tensor.dtype, tensor.bytes).map(f)),
});

/**
 * A copy of a model folder in shards, with a tokenizer beside them.
 *
 * @param shardOf the shard of a tensor, 0 to 2
 */
export const sharded = (from: string, to: string, shardOf: (name: string) => 0 | 1 | 2): string => {
  mkdirSync(to, { recursive: true });
  cpSync(join(from, 'config.json'), join(to, 'config.json'));
  writeFileSync(join(to, 'tokenizer.json'), '{"model": {"type": "BPE"}}\n');
  const tensors = readFile(join(from, 'model.safetensors'));
  const fileOf = (name: string): string => `model-0000${shardOf(name) + 1}-of-00003.safetensors`;
  for (const file of new Set([...tensors.keys()].map(fileOf)))
    writeFile(join(to, file), new Map([...tensors].filter(([name]) => fileOf(name) === file)));
  const total = [...tensors.values()].reduce((n, t) => n + t.bytes.length, 0);
  const index = {
    metadata: { total_size: total },
    weight_map: Object.fromEntries([...tensors.keys()].map((name) => [name, fileOf(name)])),
  };
  writeFileSync(join(to, 'model.safetensors.index.json'), JSON.stringify(index, null, 2));
  return to;
};

/** Bytes of a file. */
export const bytesOf = (...path: ReadonlyArray<string>): Buffer => readFileSync(join(...path));

/**
 * A training step in jax-js, compiled.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defaultDevice, init, jit, nn, numpy as np, valueAndGrad, blockUntilReady } from '@jax-js/jax';
import { checkpointOf } from '../../src/io/checkpoint.js';
import { decodeFloats } from '../../src/ops/dtype.js';
import type { Made, Prepare } from '../made.js';
import { modelTaskOf, tokenIds } from '../models/read.js';
import { orThrow } from '../../parity/or-throw.js';
import { gpt2Logits, llamaLogits, type Arrays, type Sizes } from './jax-models.js';

// jax-js asks the browser for its number of cores.
globalThis.navigator ??= {} as Navigator;
await init('wasm');
defaultDevice('wasm');

const readArrays = async (path: string): Promise<Arrays> => {
  const checkpoint = orThrow(checkpointOf(await readFile(path)));
  const entries = [...checkpoint.tensors].map(async ([name, { dtype, shape }]) => {
    const values = decodeFloats(dtype, orThrow(await checkpoint.read(name)));
    return [name, np.array(values, { shape: [...shape] })] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
};

const readJson = async (path: string): Promise<Readonly<Record<string, unknown>>> =>
  JSON.parse(await readFile(path, 'utf8')) as Readonly<Record<string, unknown>>;

const sizesOf = (config: Readonly<Record<string, unknown>>): Sizes => ({
  layers: (config['num_hidden_layers'] ?? config['n_layer']) as number,
  heads: (config['num_attention_heads'] ?? config['n_head']) as number,
  groups: (config['num_key_value_heads'] ?? config['n_head']) as number,
});

/** Every array with another owner beside its present one. */
const shared = (arrays: Arrays): Arrays =>
  Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, array.ref]));

/** The next token of each token; the last one of a sequence has none, and does not count. */
const nextTokens = (ids: Int32Array, tokens: number): { readonly next: np.Array; readonly counts: np.Array } => {
  const isLast = (i: number): boolean => (i + 1) % tokens === 0;
  const next = ids.map((_, i) => (isLast(i) ? 0 : (ids[i + 1] as number)));
  const counts = Float32Array.from(ids, (_, i) => (isLast(i) ? 0 : 1));
  return { next: np.array(next, { dtype: np.int32 }), counts: np.array(counts, { shape: [ids.length, 1] }) };
};

export const prepare: Prepare = async (task) => {
  const step = modelTaskOf(task);
  const [sequences, tokens] = step.ids;
  const config = await readJson(join(step.base, 'config.json'));
  const { r, lora_alpha: alpha } = await readJson(join(step.adapter, 'adapter_config.json'));
  const weights = await readArrays(join(step.base, 'model.safetensors'));
  const params = await readArrays(join(step.adapter, 'adapter_model.safetensors'));
  const ids = np.array(tokenIds(step), { dtype: np.int32 });
  const { next, counts } = nextTokens(tokenIds(step), tokens);
  const logits = config['model_type'] === 'gpt2' ? gpt2Logits : llamaLogits;
  const shape = { ...sizesOf(config), sequences, tokens, scale: (alpha as number) / (r as number) };
  const loss = (lora: Arrays, base: Arrays, at: np.Array, labels: np.Array): np.Array => {
    const chosen = nn.logSoftmax(logits(shape, base, lora, at), -1).mul(nn.oneHot(labels, step.vocabulary));
    return np.sum(chosen.mul(counts.ref)).mul(-1 / (sequences * (tokens - 1)));
  };
  const compiled = jit((lora: Arrays, base: Arrays, at: np.Array, labels: np.Array) =>
    valueAndGrad(loss)(lora, base, at, labels),
  );
  const run = async (): Promise<Made> => {
    const [value, grads] = compiled(shared(params), shared(weights), ids.ref, next.ref) as [np.Array, Arrays];
    const made = [
      value,
      ...Object.keys(grads)
        .toSorted()
        .map((name) => grads[name] as np.Array),
    ];
    await blockUntilReady(made);
    return {
      values: () => made.map((array) => array.ref.dataSync() as Float32Array),
      free: () => made.forEach((array) => array.dispose()),
    };
  };
  // The first run compiles.
  (await run()).free();
  return run;
};

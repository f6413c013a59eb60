/** A LoRA training step on wasm: as tfjs's own kernels compute it, and in constant memory. */
import { describe, expect, inject, it } from 'vitest';
import type { Leaf } from '../../src/adapters/adapter.js';
import { attach } from '../../src/adapters/apply.js';
import { init } from '../../src/adapters/init.js';
import { trainable, withTrainable } from '../../src/adapters/leaf.js';
import { lora } from '../../src/adapters/methods/lora/lora.js';
import { causalCrossEntropy } from '../../src/models/loss.js';
import { modelOf } from '../../src/models/registry.js';
import { specOf } from '../../src/models/spec-of.js';
import { parameters } from '../../src/models/spec.js';
import { numTensors, read, scope, tensorOf, useBackend } from '../../src/ops/backend.js';
import { key, normalValues } from '../../src/ops/random.js';
import { recordOf, sizeOf, type Shape, type Tensor, type Weights } from '../../src/ops/tensor.js';
import { tf } from '../../src/ops/tf.js';
import { valueAndGrad } from '../../src/ops/value-and-grad.js';
import { withoutKernels } from '../ops/without-kernels.js';
import { right } from '../setup/result.js';

const [D, F, V, LAYERS] = [48, 80, 100, 2] as const;

const config = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: D,
  intermediate_size: F,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  num_hidden_layers: LAYERS,
  vocab_size: V,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
};

const shapes: Readonly<Record<string, Shape>> = Object.fromEntries([
  ['model.embed_tokens.weight', [V, D]],
  ...Array.from({ length: LAYERS }, (_, i) => `model.layers.${i}`).flatMap((at) => [
    ...['q', 'o'].map((n) => [`${at}.self_attn.${n}_proj.weight`, [D, D]]),
    ...['k', 'v'].map((n) => [`${at}.self_attn.${n}_proj.weight`, [D / 2, D]]),
    ...['gate', 'up'].map((n) => [`${at}.mlp.${n}_proj.weight`, [F, D]]),
    [`${at}.mlp.down_proj.weight`, [D, F]],
    ...['input', 'post_attention'].map((n) => [`${at}.${n}_layernorm.weight`, [D]]),
  ]),
  ['model.norm.weight', [D]],
]) as Record<string, Shape>;

const setUp = () => {
  const spec = right(specOf(config, shapes));
  const weights = recordOf(
    parameters(spec).map(([name, shape], i) => {
      const values = normalValues(key(i), sizeOf(shape), shape.length === 1 ? 1 : 0, 0.2);
      return [name, tensorOf(values, shape)] as const;
    }),
  );
  const fields = { r: 4, target_modules: 'all-linear', init_lora_weights: false };
  const adapter: Leaf = right(init(lora, fields, { spec, key: key(1) }));
  const ids = tensorOf(
    Int32Array.from({ length: 60 }, (_, i) => (i * 37) % V),
    [3, 20],
  );
  const run = right(modelOf(spec));
  const loss = (p: Weights): Tensor =>
    causalCrossEntropy(run(attach(withTrainable(adapter, p), weights), { inputIds: ids }), ids);
  return { loss, params: trainable(adapter) };
};

describe.runIf(inject('backend') === 'wasm')('a training step on wasm', () => {
  /** Value and gradients by name. */
  const step = async () => {
    const { loss, params } = setUp();
    const { value, grads } = valueAndGrad(loss)(params);
    const all = await Promise.all(Object.entries(grads).map(async ([name, g]) => [name, await read(g)] as const));
    return { value: (await read(value))[0] as number, grads: Object.fromEntries(all) };
  };

  /** `f` with products and softmax by tfjs's own kernels: they do not know a proxy of their backend. */
  const onStockKernels = async <A>(f: () => Promise<A>): Promise<A> => {
    const names = ['BatchMatMul', 'Softmax'];
    const ours = names.map((name) => tf.getKernel(name, 'wasm'));
    ours.forEach(({ kernelName }) => tf.unregisterKernel(kernelName, 'wasm'));
    ours.forEach((kernel) =>
      tf.registerKernel({
        ...kernel,
        kernelFunc: (args) => kernel.kernelFunc({ ...args, backend: new Proxy(args.backend as object, {}) }),
      }),
    );
    try {
      return await withoutKernels(f);
    } finally {
      names.forEach((name) => tf.unregisterKernel(name, 'wasm'));
      ours.forEach((kernel) => tf.registerKernel(kernel));
    }
  };

  /** |x - y| / |y| over a whole tensor. */
  const distance = (x: Float32Array, y: Float32Array): number =>
    Math.hypot(...x.map((v, i) => v - (y[i] as number))) / Math.hypot(...y);

  it.each(['plain', 'fma', 'native'] as const)('gives the gradients of the stock kernels: %s', async (gemm) => {
    const stock = await onStockKernels(step);
    const started = await useBackend('wasm', { gemm, native: { threads: 1 } });
    const ours = await step();
    right(await useBackend('wasm'));
    expect(gemm === 'plain' ? started._tag : 'Right').toBe('Right');
    expect(ours.value).toBeCloseTo(stock.value, 5);
    expect(Object.keys(ours.grads)).toEqual(Object.keys(stock.grads));
    for (const name of Object.keys(ours.grads)) {
      expect(distance(ours.grads[name]!, stock.grads[name]!), name).toBeLessThan(1e-5);
      expect(Math.hypot(...stock.grads[name]!), name).toBeGreaterThan(0);
    }
  });

  it('two hundred steps of descent leave tensors, bytes and heap as after the third', () => {
    const { loss, params } = setUp();
    const heap = (): number => (tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } }).wasm.HEAPU8.length;
    const state = () => [numTensors(), tf.memory().numBytes, tf.memory().numDataBuffers, heap()];
    let p = params;
    const values: number[] = [];
    const descend = (): void => {
      const next = scope(() => {
        const { value, grads } = valueAndGrad(loss)(p);
        values.push(value.dataSync()[0] as number);
        return recordOf(
          Object.keys(p).map((name) => [name, tf.sub(p[name] as Tensor, tf.mul(grads[name] as Tensor, 0.05))] as const),
        );
      });
      Object.values(p).forEach((t) => t.dispose());
      p = next;
    };
    for (let i = 0; i < 3; i++) descend();
    const after = state();
    for (let i = 0; i < 197; i++) descend();
    expect(state()).toEqual(after);
    expect(values.at(-1)).toBeLessThan(0.8 * (values[0] as number));
  });
});

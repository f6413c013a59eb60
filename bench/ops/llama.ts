/**
 * A small Llama with a LoRA adapter on all linear layers: forward, training step, merge.
 */
import * as tf from '@tensorflow/tfjs-core';
import { apply, attach } from '../../src/adapters/apply.js';
import type { Leaf } from '../../src/adapters/adapter.js';
import { mergeable } from '../../src/adapters/combine.js';
import { init } from '../../src/adapters/init.js';
import { trainable, withTrainable } from '../../src/adapters/leaf.js';
import { lora } from '../../src/adapters/methods/lora/lora.js';
import { E } from '../../src/fp.js';
import { causalCrossEntropy } from '../../src/models/loss.js';
import { modelOf } from '../../src/models/registry.js';
import { specOf } from '../../src/models/spec-of.js';
import { parameters } from '../../src/models/spec.js';
import { scope, tensorOf } from '../../src/ops/backend.js';
import { key } from '../../src/ops/random.js';
import { recordOf, sizeOf, type Shape, type Tensor, type Weights } from '../../src/ops/tensor.js';
import { valueAndGrad } from '../../src/ops/value-and-grad.js';
import { renderProblems, type Result } from '../../src/problem.js';
import { numbers, type Case, type Made } from './case.js';

const [D, F, V, LAYERS] = [256, 704, 2000, 2] as const;

const config = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: D,
  intermediate_size: F,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  num_hidden_layers: LAYERS,
  vocab_size: V,
  max_position_embeddings: 512,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: false,
};

const shapes: Readonly<Record<string, Shape>> = {
  'model.embed_tokens.weight': [V, D],
  ...Object.fromEntries(
    Array.from({ length: LAYERS }, (_, i) => `model.layers.${i}`).flatMap((at) => [
      ...['q', 'o'].map((n) => [`${at}.self_attn.${n}_proj.weight`, [D, D]] as const),
      ...['k', 'v'].map((n) => [`${at}.self_attn.${n}_proj.weight`, [D / 2, D]] as const),
      ...['gate', 'up'].map((n) => [`${at}.mlp.${n}_proj.weight`, [F, D]] as const),
      [`${at}.mlp.down_proj.weight`, [D, F]] as const,
      ...['input', 'post_attention'].map((n) => [`${at}.${n}_layernorm.weight`, [D]] as const),
    ]),
  ),
  'model.norm.weight': [D],
  'lm_head.weight': [V, D],
};

const orThrow = <A>(result: Result<A>): A => {
  if (E.isLeft(result)) throw new Error(renderProblems(result.left));
  return result.right;
};

const setUp = () => {
  const spec = orThrow(specOf(config, shapes));
  const weights = recordOf(
    parameters(spec).map(([name, shape], i) => [name, numbers(i, shape, shape.length === 1 ? 1 : 0.05)] as const),
  );
  // `init_lora_weights: false` starts with B other than 0, as after training.
  const fields = { r: 8, target_modules: 'all-linear', init_lora_weights: false };
  const adapter = orThrow(init(lora, fields, { spec, key: key(1) }));
  const ids: Shape = [4, 64];
  const inputIds = tensorOf(
    Int32Array.from({ length: sizeOf(ids) }, (_, i) => (i * 7919) % V),
    ids,
  );
  return { weights, adapter, inputIds, forward: orThrow(modelOf(spec)) };
};

const forward: Case = {
  name: 'Llama forward, 4 x 64 tokens',
  against: 'the same on stock kernels',
  prepare: () => {
    const { weights, inputIds, forward: run } = setUp();
    return () => [scope(() => run(weights, { inputIds }))];
  },
};

const flat = (value: Tensor, grads: Weights): Made => [value, ...Object.values(grads)];

const trainingStep: Case = {
  name: 'LoRA training step of it',
  against: 'tf.valueAndGrads, stock gradients and kernels',
  prepare: (side) => {
    const { weights, adapter, inputIds, forward: run } = setUp();
    const params = trainable(adapter);
    const loss = (p: Weights): Tensor =>
      causalCrossEntropy(run(attach(withTrainable(adapter, p), weights), { inputIds }), inputIds);
    if (side === 'weft')
      return () => {
        const { value, grads } = valueAndGrad(loss)(params);
        return flat(value, grads);
      };
    const names = Object.keys(params);
    const ofList = tf.valueAndGrads(
      (...list) => loss(recordOf(list.map((t, i) => [names[i] as string, t] as const))) as tf.Scalar,
    );
    return () => {
      const { value, grads } = ofList(Object.values(params));
      return [value, ...grads];
    };
  },
};

/** W + s B A of every targeted weight, written out. */
const plainMerge = (weights: Weights, adapter: Leaf): ReadonlyArray<Tensor> =>
  adapter.sites.map(({ key: at, tensors }) => {
    const [A, B] = [adapter.params[tensors['A'] as string], adapter.params[tensors['B'] as string]] as [Tensor, Tensor];
    return tf.tidy(() => tf.add(weights[at] as Tensor, tf.mul(tf.matMul(B, A), 1)));
  });

const mergeAll: Case = {
  name: 'apply to it, r = 8',
  against: 'W + s B A for each weight',
  prepare: (side) => {
    const { weights, adapter } = setUp();
    if (side === 'tfjs') return () => plainMerge(weights, adapter);
    const whole = orThrow(mergeable(adapter));
    return () => {
      const merged = apply(whole, weights);
      return adapter.sites.map(({ key: at }) => merged[at] as Tensor);
    };
  },
};

/** The model's cases. */
export const llamaCases: ReadonlyArray<Case> = [forward, trainingStep, mergeAll];

/**
 * MonteCLoRA: LoRA with a distribution of A around its mean. Merged and in inference it is plain LoRA with that mean; in training
 * with a key in the routing, A is a sample.
 *
 * Sengupta et al., "Robust and Efficient Fine-tuning of LLMs with Bayesian Reparameterization of Low-Rank Adaptation",
 * https://arxiv.org/abs/2411.04358
 */
import * as t from 'io-ts';
import { split, uniform, type Key } from '../../../ops/random.js';
import type { Shape, Tensor } from '../../../ops/tensor.js';
import { tf } from '../../../ops/tf.js';
import { field, floatField, type Values } from '../../config.js';
import { positiveInt } from '../../targeting-fields.js';
import { nestedConfig } from './nested.js';

const positive = t.refinement(t.number, (x) => x > 0, 'a number greater than 0');

const fields = {
  buffer_size: field(positiveInt, 150),
  dirichlet_prior: floatField(positive, 0.1),
  kl_loss_weight: floatField(t.number, 1e-5),
  num_samples: field(positiveInt, 8),
  sample_scaler: floatField(t.number, 1e-4),
  use_entropy: field(t.boolean, false),
} as const;

/** monteclora_config. */
export type MonteCloraConfig = Values<typeof fields>;

/** Codec of monteclora_config. */
export const monteCloraCodec = nestedConfig('MonteCLoRA', fields);

/** The sampler's tensors: names below the module, shapes, and whether training changes them or they keep the last sample. */
export const samplerTensors = (
  c: MonteCloraConfig,
  r: number,
): Readonly<Record<string, readonly [string, Shape, boolean]>> => {
  const below = (name: string): string => `lora_monteclora_sampler.${name}`;
  return {
    weights: [below('expert_weights'), [c.num_samples], false],
    weightsPrior: [below('expert_weights_prior'), [c.num_samples], true],
    covariance: [below('gaussian_var_prior'), [r, r], false],
    spread: [below('std_prior'), [r], true],
  };
};

/** Equal weights, the identity, and priors uniform in [0, 1). */
export const startSampler = (c: MonteCloraConfig, key: Key, r: number): Readonly<Record<string, Tensor>> => {
  const [a, b] = split(key) as [Key, Key];
  return {
    weights: tf.fill([c.num_samples], 1 / c.num_samples),
    weightsPrior: uniform(a, [c.num_samples]),
    covariance: tf.eye(r),
    spread: uniform(b, [r]),
  };
};

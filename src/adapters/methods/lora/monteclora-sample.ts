/**
 * MonteCLoRA's samples of A in training, and the penalty that keeps their distribution near its prior.
 *
 * Sengupta et al., "Robust and Efficient Fine-tuning of LLMs with Bayesian Reparameterization of Low-Rank Adaptation",
 * https://arxiv.org/abs/2411.04358
 */
import { normal, split, type Key } from '../../../ops/random.js';
import { digamma, logGamma } from '../../../ops/gamma.js';
import type { Tensor } from '../../../ops/tensor.js';
import { tf } from '../../../ops/tf.js';
import type { MonteCloraConfig } from './monteclora.js';

/** The distribution's parameters: log standard deviations [r], and log concentrations [n] of the samples' weights. */
export interface Spread {
  readonly spread: Tensor;
  readonly weightsPrior: Tensor;
}

/** The random numbers of one pass at one layer. */
export interface Draws {
  /** n standard normal matrices, [n, r, in]. */
  readonly z: Tensor;
  /** The diagonal of a Wishart matrix with r degrees of freedom and unit scale, [r]: chi squared with r degrees each. */
  readonly chi: Tensor;
  /** Standard normal, [n]. */
  readonly zWeights: Tensor;
}

/** What one pass samples at one layer. */
export interface Sample {
  /** What is added to A, [r, in]. */
  readonly noise: Tensor;
  /** Variances of its rows before `sample_scaler`, [r]. */
  readonly variance: Tensor;
  /** Weights of the n samples, [n], whose sum is 1. */
  readonly weights: Tensor;
}

/** The draws of a key, for A [r, in]. */
export const drawsOf = (
  k: Key,
  { num_samples: n }: MonteCloraConfig,
  [r, inputs]: readonly [number, number],
): Draws => {
  const [a, b, c] = split(k, 3) as [Key, Key, Key];
  return {
    z: normal(a, [n, r, inputs]),
    chi: tf.sum(tf.square(normal(b, [r, r])), 1),
    zWeights: normal(c, [n]),
  };
};

/**
 * E = c diag(sqrt(v)) sum_k w_k Z_k with v = max(exp(2 sigma) chi, 1e-3), w = softmax(mu + d z) and c the config's `sample_scaler`.
 *
 * w is the Dirichlet distribution of concentrations a = exp(prior) as Laplace has it: mu = log a - mean log a and
 * d^2 = (1 - 2 / n) / a + sum(1 / a) / n^2.
 */
export const sampleOf = (c: MonteCloraConfig, { spread, weightsPrior }: Spread, draws: Draws): Sample => {
  const n = c.num_samples;
  const variance = tf.maximum(tf.mul(tf.exp(tf.mul(spread, 2)), draws.chi), 1e-3);
  const a = tf.maximum(tf.exp(weightsPrior), 1e-6);
  const mu = tf.sub(tf.log(a), tf.mean(tf.log(a)));
  const each = tf.reciprocal(a);
  const d2 = tf.add(tf.mul(each, 1 - 2 / n), tf.div(tf.sum(each), n ** 2));
  const deviation = tf.sqrt(tf.add(tf.maximum(d2, 1e-6), 1e-6));
  const weights = tf.softmax(tf.add(mu, tf.mul(deviation, draws.zWeights)));
  const mixed = tf.sum(tf.mul(draws.z, tf.reshape(weights, [n, 1, 1])), 0);
  return { noise: tf.mul(tf.mul(mixed, tf.reshape(tf.sqrt(variance), [-1, 1])), c.sample_scaler), variance, weights };
};

/** KL(Dir(a) | Dir(a0)) with equal concentrations a0; PEFT has the sign of the single terms the other way round. */
const dirichletKl = (a: Tensor, prior: number, likePeft: boolean): Tensor => {
  const a0 = tf.fill(a.shape, prior);
  const single = tf.sum(tf.sub(logGamma(a0), logGamma(a)));
  const total = tf.sub(logGamma(tf.sum(a)), logGamma(tf.sum(a0)));
  const means = tf.sum(tf.mul(tf.sub(a, a0), tf.sub(digamma(a), digamma(tf.sum(a)))));
  return tf.add(tf.add(total, likePeft ? tf.neg(single) : single), means);
};

/** sum_i v_i - log v_i - 1. */
const gap = (v: Tensor): Tensor => tf.sum(tf.sub(tf.sub(v, tf.log(v)), 1));

/**
 * What a layer adds to the loss: c (KL of the weights + r / 2 gap(exp(2 sigma)) + n / 2 gap(v)), with gap(v) = sum v - log v - 1
 * and c the config's `kl_loss_weight`, and |w|^2 with `use_entropy`.
 */
export const penaltyOf = (
  c: MonteCloraConfig,
  { spread, weightsPrior }: Spread,
  { variance, weights }: Sample,
  likePeft: boolean,
): Tensor => {
  const [wishart, gaussian] = [gap(tf.exp(tf.mul(spread, 2))), gap(variance)];
  const kl = tf.add(
    dirichletKl(tf.exp(weightsPrior), c.dirichlet_prior, likePeft),
    tf.add(tf.mul(wishart, spread.size / 2), tf.mul(gaussian, c.num_samples / 2)),
  );
  const weighted = tf.mul(kl, c.kl_loss_weight);
  return c.use_entropy ? tf.add(weighted, tf.sum(tf.square(weights))) : weighted;
};

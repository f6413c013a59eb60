/**
 * What LoRA's variants add to the loss of a training step, and what MonteCLoRA keeps of one.
 */
import { keyFor, type Key } from '../../../ops/random.js';
import { recordOf, type Tensor } from '../../../ops/tensor.js';
import { tf } from '../../../ops/tf.js';
import { leavesOf, type Adapter, type Leaf } from '../../adapter.js';
import { columnsGap, rowsGap } from '../../orthonormal.js';
import type { LoraConfig } from './config.js';
import { layersOf, type Layer } from './layers.js';
import { drawsOf, penaltyOf, sampleOf, type Sample, type Spread } from './monteclora-sample.js';

const total = (terms: ReadonlyArray<Tensor>): Tensor =>
  terms.length === 0 ? tf.scalar(0) : terms.reduce((sum, term) => tf.add(sum, term));

const sampleAt = ({ key, form, tensors }: Layer<'Sampled'>, pass: Key): Sample => {
  const draws = drawsOf(keyFor(pass, key), form.config, (tensors['A'] as Tensor).shape as [number, number]);
  return sampleOf(form.config, tensors as unknown as Spread, draws);
};

/**
 * MonteCLoRA's penalty, the mean over layers of c (KL(Dir(a) | Dir(a0)) + KL(Wishart) + n KL(normal)) + |w|^2: it is added to the loss;
 * 0 where no layer samples.
 *
 * @param pass the key of the pass's routing: the penalty is that of what the pass samples
 */
export const monteCloraPenalty = (adapter: Adapter, pass: Key): Tensor => {
  const terms = leavesOf(adapter).flatMap((leaf) =>
    layersOf(leaf, 'Sampled').map((layer) =>
      penaltyOf(layer.form.config, layer.tensors as unknown as Spread, sampleAt(layer, pass), leaf.likePeft),
    ),
  );
  return tf.div(total(terms), Math.max(1, terms.length));
};

/**
 * A MonteCLoRA with what a pass samples in the tensors that hold the last sample: weights [n] and a diagonal of variances [r, r]. They
 * are in the file, and nothing reads them.
 *
 * @returns the leaf with new tensors, which the caller owns
 */
export const keepSample = (leaf: Leaf, pass: Key): Leaf => {
  const kept = layersOf(leaf, 'Sampled').flatMap((layer) => {
    const { variance, weights } = sampleAt(layer, pass);
    const covariance = tf.mul(tf.eye(variance.size), variance);
    const { names } = layer;
    return [[names['weights'] as string, weights] as const, [names['covariance'] as string, covariance] as const];
  });
  return { ...leaf, params: recordOf([...Object.entries(leaf.params), ...kept]) };
};

/**
 * KaSA's penalty, the sum over layers of beta sum q^2 + gamma (|B^T B - I| + |A A^T - I|): it is added to the loss; 0 where no layer
 * has a q.
 */
export const kasaPenalty = (adapter: Adapter): Tensor =>
  total(
    leavesOf(adapter).flatMap((leaf) =>
      layersOf(leaf, 'Diagonal').map(({ tensors }) => {
        const [A, B, q] = [tensors['A'], tensors['B'], tensors['q']] as [Tensor, Tensor, Tensor];
        const { beta, gamma } = (leaf.config as LoraConfig).kasa_config as NonNullable<LoraConfig['kasa_config']>;
        const gaps = tf.add(columnsGap(B), rowsGap(A));
        return tf.add(tf.mul(tf.sum(tf.square(q)), beta), tf.mul(gaps, gamma));
      }),
    ),
  );

/**
 * VeLoRA: LoRA that keeps one number for each group of inputs to compute the gradient of A.
 *
 * Miles et al., "VeLoRA: Memory Efficient Training using Rank-1 Sub-Token Projections", https://arxiv.org/abs/2405.17991
 */
import { normalValues, type Key } from '../../../ops/random.js';
import { tensorOf } from '../../../ops/backend.js';
import type { Tensor } from '../../../ops/tensor.js';
import { tf } from '../../../ops/tf.js';
import { field, floatField, type Values } from '../../config.js';
import { literals, positiveInt } from '../../targeting-fields.js';
import type { LowRank, WeightUpdate } from '../../update.js';
import type { Compressed } from '../../updates/compressed.js';
import * as t from 'io-ts';
import { nestedConfig } from './nested.js';

const fields = {
  init_type: field(literals('batch_average', 'batch_average_once', 'random'), 'batch_average'),
  num_groups: field(positiveInt, 64),
  scale: floatField(t.number, 1),
} as const;

/** velora_config. */
export type VeloraConfig = Values<typeof fields>;

/** Codec of velora_config. */
export const veloraCodec = nestedConfig('VeLoRA', fields);

/** The direction's name below its module, and its shape. */
export const veloraTensor = (c: VeloraConfig, inputs: number) =>
  ['lora_velora_embed', [Math.ceil(inputs / c.num_groups)]] as const;

/** A random unit vector, or zeros where the first batch gives the direction. */
export const startDirection = (c: VeloraConfig, key: Key, size: number): Tensor => {
  if (c.init_type !== 'random') return tf.zeros([size]);
  const values = normalValues(key, size);
  const norm = Math.sqrt(values.reduce((n, x) => n + x * x, 0));
  return tensorOf(
    values.map((x) => x / norm),
    [size],
  );
};

const directions = {
  random: 'stored',
  batch_average: 'batch',
  batch_average_once: 'first-batch',
} as const satisfies Record<VeloraConfig['init_type'], Compressed['direction']>;

/** Where the direction of a training pass comes from. */
export const directionOf = (c: VeloraConfig): Compressed['direction'] => directions[c.init_type];

/**
 * The update of a training pass: LoRA's values, with a compressed gradient of A.
 *
 * @param factors A [r, in] and B [out, r], whatever the layout of the weight
 * @param e the stored direction
 */
export const compressed = (c: VeloraConfig, { A, B, s }: Omit<LowRank, '_tag'>, e: Tensor): WeightUpdate => ({
  _tag: 'Branch',
  kind: 'Compressed',
  A,
  B,
  s,
  e,
  direction: directionOf(c),
  groups: c.num_groups,
  scale: c.scale,
  reason: 'this pass is one of training',
});

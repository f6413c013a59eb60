/**
 * PVeRA: VeRA whose inner features are random, z ~ N(mu, exp(v)) with (mu, v) = d * (A x); y' = y + b * (B z). Merged, and without
 * a key in the routing, z is its mean: W' = W + diag(b) B diag(d_mu) A_mu with the first half of d [2 r] and of the rows of A [2 r, in].
 *
 * "PVeRA: Probabilistic Vector-Based Random Matrix Adaptation", https://arxiv.org/abs/2512.07703
 */
import * as t from 'io-ts';
import { field, floatField, nullable, type BaseConfig, type Fields, type Values } from '../config.js';
import type { Method } from '../method.js';
import { projectionFields } from '../projection-method.js';
import { scaledProjections, type ScaledDetail } from '../scaled-projections.js';
import { positiveInt, probability, torchSeed } from '../targeting-fields.js';
import { changed, loraTargets } from '../targets/defaults.js';

const fields = {
  ...projectionFields,
  d_initial: floatField(t.number, 0.1),
  generator_seed: nullable(torchSeed),
  pvera_dropout: floatField(probability, 0),
  r: field(positiveInt, 256),
  sample_at_inference: field(t.boolean, false),
} as const satisfies Fields;

type PveraConfig = BaseConfig & Values<typeof fields>;

const warningsOf = (c: PveraConfig): ReadonlyArray<string> =>
  c.sample_at_inference
    ? [
        'adapter_config.json: sample_at_inference is true; without a key in the routing Weft computes with the mean, as a merge does',
      ]
    : [];

/** PVeRA. */
export const pvera: Method<PveraConfig, ScaledDetail> = {
  peftType: 'PVERA',
  reference: 'https://arxiv.org/abs/2512.07703',
  fields,
  targets: { defaults: changed(loraTargets, { phi: ['q_proj', 'v_proj'], dinov2: ['query', 'value'] }) },
  ...scaledProjections<PveraConfig>('pvera', 2, {
    warningsOf,
    samples: (c, routing) => routing?.training === true || c.sample_at_inference,
  }),
};

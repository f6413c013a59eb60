/**
 * VeRA: W' = W + diag(b) B diag(d) A with random projections A [r, in] and B [out, r] that all layers share; only the vectors
 * b and d are trained.
 *
 * Kopiczko et al., "VeRA: Vector-based Random Matrix Adaptation", https://arxiv.org/abs/2310.11454
 */
import * as t from 'io-ts';
import { field, floatField, type BaseConfig, type Fields, type Values } from '../config.js';
import type { Method } from '../method.js';
import { projectionFields } from '../projection-method.js';
import { scaledProjections, type ScaledDetail } from '../scaled-projections.js';
import { positiveInt, probability } from '../targeting-fields.js';
import { changed, loraTargets } from '../targets/defaults.js';

const fields = {
  ...projectionFields,
  d_initial: floatField(t.number, 0.1),
  r: field(positiveInt, 256),
  vera_dropout: floatField(probability, 0),
} as const satisfies Fields;

type VeraConfig = BaseConfig & Values<typeof fields>;

/** VeRA. */
export const vera: Method<VeraConfig, ScaledDetail> = {
  peftType: 'VERA',
  reference: 'https://arxiv.org/abs/2310.11454',
  fields,
  targets: { defaults: changed(loraTargets, { phi: ['q_proj', 'v_proj'] }) },
  ...scaledProjections<VeraConfig>('vera', 1),
};

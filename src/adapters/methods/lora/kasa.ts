/**
 * KaSA: W' = W_{k-r} + s B diag(q) A, where the r smallest of the weight's k singular values are taken out first.
 *
 * Wang et al., "KaSA: Knowledge-Aware Singular-Value Adaptation of Large Language Models", https://arxiv.org/abs/2412.06071
 */
import * as t from 'io-ts';
import { E } from '../../../fp.js';
import type { ModuleSpec } from '../../../models/spec.js';
import { fail, type Result } from '../../../problem.js';
import { floatField } from '../../config.js';
import type { Residual } from '../../updates/residual.js';
import { nestedConfig } from './nested.js';

/** Codec of kasa_config: weights of the loss's terms beta sum q^2 and gamma (||B^T B - I|| + ||A A^T - I||). */
export const kasaCodec = nestedConfig('KaSA', { beta: floatField(t.number, 1e-4), gamma: floatField(t.number, 1e-3) });

/** Why KaSA depends on the weight. */
export const kasaReason = 'KaSA takes the smallest singular values of the weight out of it';

/** q's name below its module, and its shape. */
export const kasaTensor = (r: number) => ['lora_diag', [r]] as const;

/** What KaSA takes out of a weight; at least one singular value must stay. */
export const kasaResidual = (m: ModuleSpec, r: number): Result<Residual> => {
  const smaller = Math.min(...(m.params['weight'] ?? [0]));
  return r < smaller
    ? E.right({ _tag: 'Residual', of: 'trailing', r, s: 1, transposed: false })
    : fail('adapter_config.json: r', `a rank below ${smaller} for KaSA on ${m.name}`, String(r));
};

/**
 * BEFT: b' = b + v, the bias of the value projections alone.
 *
 * Huang et al., "BEFT: Bias-Efficient Fine-Tuning of Language Models", https://arxiv.org/abs/2509.15974
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';
import { normal } from '../../ops/random.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import type { Result } from '../../problem.js';
import { field, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { Method } from '../method.js';
import { eachModule, featuresOf, moduleLayout, paramPart, restructureSaved, unfit } from '../module-layout.js';
import type { Part } from '../site.js';
import { targetModules } from '../targeting-fields.js';
import { beftTargets } from '../targets/defaults/others.js';
import { dense } from '../update.js';

const fields = {
  ...targetModules,
  init_weights: field(t.boolean, true),
} as const satisfies Fields;

type BeftConfig = BaseConfig & Values<typeof fields>;

/** A layer without a bias gets one in the forward pass, but has nothing that it could merge into. */
const parts =
  (spec: ModelSpec) =>
  (m: ModuleSpec): Result<ReadonlyArray<Part<null>>> => {
    if (m.kind !== 'Linear') return unfit(m, 'a Linear');
    const tensors = { v: ['beft_bias', [1, featuresOf(m).out]] } as const;
    return E.right([
      m.params['bias'] === undefined
        ? paramPart(
            spec,
            m,
            'bias',
            tensors,
            null,
            'routed',
            `BEFT changes a bias, and ${m.name} has none to merge into`,
          )
        : paramPart(spec, m, 'bias', tensors, null, 'additive'),
    ]);
  };

/** BEFT. */
export const beft: Method<BeftConfig, null> = {
  peftType: 'BEFT',
  reference: 'https://arxiv.org/abs/2509.15974',
  fields,
  targets: { defaults: beftTargets },
  validate: E.right,
  restructure: restructureSaved,
  layout: (c, context) => moduleLayout(c, context, eachModule(parts(context.spec))),
  init: (c, { layout, key, weights }) =>
    initParams(layout, key, weights, (_site, _role, k, shape) =>
      E.right(c.init_weights ? tf.zeros([...shape]) : normal(k, shape)),
    ),
  update: (_c, _site, { v }) => dense(tf.reshape(v as Tensor, [-1])),
};

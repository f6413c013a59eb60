/**
 * C3A: W' = W + C / n with circulant blocks C[m k + j, l k + t] = w[m, l, (t - j) mod k], n the number of inputs.
 *
 * Chen et al., "Parameter-Efficient Fine-Tuning via Circular Convolution", https://arxiv.org/abs/2407.19342
 */
import * as t from 'io-ts';
import { E, F } from '../../fp.js';
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';
import { blockCirculant } from '../../ops/linalg/index.js';
import { normal, uniform, type Key } from '../../ops/random.js';
import type { Shape, Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { orProblems, problem, type Result } from '../../problem.js';
import { field, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { Method, UpdateOptions } from '../method.js';
import { eachModule, featuresOf, moduleLayout, restructureSaved, unfit, weightPart } from '../module-layout.js';
import type { Part } from '../site.js';
import {
  byPattern,
  layerSelection,
  literals,
  positiveInt,
  regexLayerProblems,
  targetModules,
  trainedBias,
} from '../targeting-fields.js';
import { changed, loraTargets } from '../targets/defaults.js';
import { patternValues, type PatternValues } from '../targets/rank-pattern.js';
import { dense, type WeightUpdate } from '../update.js';

const fields = {
  ...targetModules,
  ...layerSelection,
  ...trainedBias,
  block_size: field(positiveInt, 256),
  block_size_pattern: field(byPattern(positiveInt, 'block sizes'), {}),
  init_weights: field(
    t.union(
      [t.boolean, literals('gaussian', 'kaiming_uniform', 'xavier_uniform')],
      'true, false, "gaussian", "kaiming_uniform" or "xavier_uniform"',
    ),
    'xavier_uniform',
  ),
} as const satisfies Fields;

type C3aConfig = BaseConfig & Values<typeof fields>;

/** Features of the layer. */
interface Detail {
  readonly in: number;
  readonly out: number;
}

const parts =
  (c: C3aConfig, spec: ModelSpec, sizes: PatternValues) =>
  (m: ModuleSpec): Result<ReadonlyArray<Part<Detail>>> => {
    if (m.kind !== 'Linear') return unfit(m, 'a Linear');
    const { out, in: inputs } = featuresOf(m);
    const k = sizes(m.name) ?? c.block_size;
    const stray = [inputs, out].filter((size) => size % k !== 0);
    return orProblems(
      stray.map((size) =>
        problem('adapter_config.json: block_size', `a divisor of the ${size} features of ${m.name}`, String(k)),
      ),
      () => [weightPart(spec, m, { w: ['c3a_kernel', [out / k, inputs / k, k]] }, { in: inputs, out }, 'additive')],
    );
  };

/** Zeros for true; xavier uniform also for false. */
const start = (c: C3aConfig, { in: inputs, out }: Detail, key: Key, shape: Shape): Tensor => {
  if (c.init_weights === true) return tf.zeros([...shape]);
  if (c.init_weights === 'gaussian') return normal(key, shape);
  const a = c.init_weights === 'kaiming_uniform' ? Math.sqrt(1 / inputs) : Math.sqrt(6 / (inputs + out));
  return uniform(key, shape, -a, a);
};

/** What PEFT puts in place of C for the gradient of the layer's input: w[m, l, (t + j) mod k]. */
const peftFeedback = (C: Tensor, k: number): Tensor => {
  const mirrored = Int32Array.from({ length: C.shape[0] as number }, (_, i) => i - (i % k) + ((k - (i % k)) % k));
  return tf.gather(C, tf.tensor1d(mirrored, 'int32'));
};

const update = (detail: Detail, w: Tensor, { likePeft, reading }: UpdateOptions): WeightUpdate => {
  const C = blockCirculant(w);
  if (!likePeft || reading !== 'attached') return dense(C, 1 / detail.in);
  const D = tf.div(C, detail.in);
  const F = peftFeedback(D, w.shape[2] as number);
  return { _tag: 'Branch', kind: 'Feedback', D, F, reason: 'PEFT takes another matrix in the backward pass' };
};

/** C3A. */
export const c3a: Method<C3aConfig, Detail> = {
  peftType: 'C3A',
  reference: 'https://arxiv.org/abs/2407.19342',
  fields,
  targets: { defaults: changed(loraTargets, { gpt2: ['mlp.c_proj'], gpt_bigcode: ['mlp.c_proj'] }) },
  validate: (c) => orProblems(regexLayerProblems(c), () => c),
  restructure: restructureSaved,
  layout: (c, context) =>
    F.pipe(
      patternValues(c.block_size_pattern, 'block_size_pattern', (source) => `.*\\.${source}$`),
      E.chain((sizes) => moduleLayout(c, context, eachModule(parts(c, context.spec, sizes)))),
    ),
  init: (c, { layout, key, weights }) =>
    initParams(layout, key, weights, (site, _role, k, shape) => E.right(start(c, site.detail, k, shape))),
  update: (_c, { detail }, { w }, options) => update(detail, w as Tensor, options),
};

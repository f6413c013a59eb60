/**
 * Lily: y' = y + s (x A^T) (sum_e p_e B_e), where all layers of a kind share the experts B_e, neighbours share A, and each layer's
 * router mixes the experts by what all tokens of the batch ask for on average.
 *
 * Zhong et al., "Low-Rank Interconnected Adaptation across Layers", https://arxiv.org/abs/2407.09946
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';
import { kaimingUniform } from '../../ops/random.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { all, orProblems, type Result } from '../../problem.js';
import { field, floatField, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { Method } from '../method.js';
import { featuresOf, moduleLayout, restructureSaved, unfit, weightPart } from '../module-layout.js';
import type { ParamSpec, Part } from '../site.js';
import { layerPatternProblems, positiveInt, targeting } from '../targeting-fields.js';
import { likeLora } from '../targets/defaults.js';

const several = t.refinement(t.Integer, (n) => n >= 2, 'an integer of at least 2');

const fields = {
  ...targeting,
  init_weights: field(t.boolean, true),
  num_B: field(several, 2),
  r: field(positiveInt, 32),
  scaling: floatField(t.number, 1),
  stride_A: field(positiveInt, 1),
} as const satisfies Fields;

type LilyConfig = BaseConfig & Values<typeof fields>;

const reason = 'the experts are mixed by the tokens of the whole batch, which no single weight can hold';

/** Layers of a kind have one target and one shape. */
const kindOf = (c: LilyConfig, m: ModuleSpec): string => {
  const targets = c.target_modules;
  const matching = Array.isArray(targets) ? targets.filter((target: string) => m.name.endsWith(target)) : [];
  const target = typeof targets === 'string' && targets !== 'all-linear' ? targets : undefined;
  const longest = matching.toSorted((a: string, b: string) => b.length - a.length)[0] as string | undefined;
  return JSON.stringify([target ?? longest ?? m.name.split('.').pop(), m.params['weight']]);
};

/** For each module the one whose A it uses, and the one whose B. */
const leadersOf = (c: LilyConfig, modules: ReadonlyArray<ModuleSpec>) => {
  const kinds = modules.map((m) => kindOf(c, m));
  return modules.map((_, i) => {
    const same = [...kinds.keys()].filter((j) => kinds[j] === kinds[i]);
    const at = same.indexOf(i);
    return { A: same[at - (at % c.stride_A)] as number, B: same[0] as number };
  });
};

/** A tensor of a layer that uses another one's: the file holds it once more. */
const second = (param: ParamSpec, first: string): ParamSpec =>
  param.name === first ? param : { ...param, trainable: false, copyOf: first };

const parts =
  (c: LilyConfig, spec: ModelSpec) =>
  (modules: ReadonlyArray<ModuleSpec>): Result<ReadonlyArray<Part<null>>> => {
    const leaders = leadersOf(c, modules);
    const own = modules.map((m) => {
      const { out, in: inputs } = featuresOf(m);
      const tensors = {
        A: ['lily_A.weight', [c.r, inputs]],
        B: ['lily_B.weight', [c.num_B * c.r, out]],
        R: ['lily_router.weight', [c.num_B, c.r]],
      } as const;
      return weightPart(spec, m, tensors, null, 'routed', reason);
    });
    const nameOf = (i: number, role: string): string => own[i]?.site.tensors[role] as string;
    return all(
      modules.map((m, i): Result<Part<null>> => {
        if (m.kind !== 'Linear') return unfit(m, 'a Linear');
        const part = own[i] as Part<null>;
        const shared = { A: nameOf(leaders[i]?.A ?? i, 'A'), B: nameOf(leaders[i]?.B ?? i, 'B') };
        return E.right({
          ...part,
          site: { ...part.site, tensors: { ...part.site.tensors, ...shared } },
          params: part.params.map((p) =>
            p.name === nameOf(i, 'A') ? second(p, shared.A) : p.name === nameOf(i, 'B') ? second(p, shared.B) : p,
          ),
        });
      }),
    );
  };

/** Lily. */
export const lily: Method<LilyConfig, null> = {
  peftType: 'LILY',
  reference: 'https://arxiv.org/abs/2407.09946',
  fields,
  targets: likeLora,
  validate: (c) => orProblems(layerPatternProblems(c), () => c),
  restructure: restructureSaved,
  layout: (c, context) => moduleLayout(c, context, parts(c, context.spec)),
  init: (c, { layout, key, weights }) =>
    initParams(layout, key, weights, (_site, role, k, shape) =>
      E.right(role === 'B' && c.init_weights ? tf.zeros([...shape]) : kaimingUniform(k, shape)),
    ),
  update: (c, _site, { A, B, R }) => ({
    _tag: 'Branch',
    kind: 'Mixture',
    A: A as Tensor,
    B: tf.reshape(B as Tensor, [c.num_B, c.r, -1]),
    R: R as Tensor,
    s: c.scaling,
    reason,
  }),
};

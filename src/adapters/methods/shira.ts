/**
 * SHiRA: W' = W + S, a sparse change at r (out + in) places that a seed chooses: few numbers, high rank.
 *
 * Bhardwaj et al., "Sparse High Rank Adapters", https://arxiv.org/abs/2406.13175
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';
import { normal } from '../../ops/random.js';
import { recordOf, type Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { TORCH_DEFAULT_SEED, torchGenerator, torchRandperm } from '../../ops/torch-random/index.js';
import { fail, type Result } from '../../problem.js';
import { field, nullable, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { Method } from '../method.js';
import { eachModule, moduleLayout, restructureSaved, unfit, weightPart } from '../module-layout.js';
import type { Part } from '../site.js';
import { positiveInt, targetModules, torchSeed } from '../targeting-fields.js';
import { changed, loraTargets } from '../targets/defaults.js';

const fields = {
  ...targetModules,
  fan_in_fan_out: field(t.boolean, false),
  init_weights: field(t.boolean, true),
  mask_type: field(t.string, 'random'),
  r: field(positiveInt, 32),
  random_seed: nullable(torchSeed),
} as const satisfies Fields;

type ShiraConfig = BaseConfig & Values<typeof fields>;

/** How many columns the weight has. */
interface Detail {
  readonly columns: number;
}

const parts =
  (c: ShiraConfig, spec: ModelSpec) =>
  (m: ModuleSpec): Result<ReadonlyArray<Part<Detail>>> => {
    if (m.kind !== 'Linear') return unfit(m, 'a Linear');
    const [rows = 0, columns = 0] = m.params['weight'] ?? [];
    const n = c.r * (rows + columns);
    if (n > rows * columns)
      return fail(
        'adapter_config.json: r',
        `a rank whose r (out + in) is at most the ${rows * columns} entries of ${m.name}`,
        `${c.r}, which makes ${n}`,
      );
    const tensors = { values: ['shira_weight', [n]], places: ['shira_indices', [2, n]] } as const;
    const part = weightPart<Detail>(spec, m, tensors, { columns }, 'additive');
    return E.right([
      {
        ...part,
        params: part.params.map((p) =>
          p.name === part.site.tensors['places'] ? { ...p, trainable: false, into: [rows, columns] } : p,
        ),
      },
    ]);
  };

/** Rows, then columns, of the first n places of a random permutation, in the order of the weight. */
const drawPlaces = (seed: number, [rows = 0, columns = 0]: ReadonlyArray<number>, n: number): Int32Array => {
  const places = torchRandperm(torchGenerator(seed), rows * columns, n).toSorted();
  return Int32Array.from({ length: 2 * n }, (_, i) => {
    const place = places[i % n] as number;
    return i < n ? Math.floor(place / columns) : place % columns;
  });
};

/** SHiRA. */
export const shira: Method<ShiraConfig, Detail> = {
  peftType: 'SHIRA',
  reference: 'https://arxiv.org/abs/2406.13175',
  fields,
  targets: { defaults: changed(loraTargets, { phi: ['q_proj', 'v_proj'] }) },
  validate: (c) => E.right(c),
  restructure: restructureSaved,
  layout: (c, context) => moduleLayout(c, context, eachModule(parts(c, context.spec))),
  init: (c, { layout, key, weights }) =>
    initParams(layout, key, weights, (_site, _role, k, shape) =>
      E.right(c.init_weights ? tf.zeros([...shape]) : normal(k, shape)),
    ),
  indices: (c, layout) =>
    c.mask_type === 'random'
      ? E.right(
          recordOf(
            layout.params.flatMap(({ name, shape, into }) =>
              into === undefined
                ? []
                : [[name, drawPlaces(c.random_seed ?? TORCH_DEFAULT_SEED, into, shape[1] as number)] as const],
            ),
          ),
        )
      : fail('adapter_config.json: mask_type', '"random" for a new adapter', JSON.stringify(c.mask_type)),
  update: (_c, { detail: { columns } }, { values }, { indices }) => {
    const places = indices?.['places'] as Int32Array;
    const n = places.length / 2;
    return {
      _tag: 'Sparse',
      places: places.subarray(0, n).map((row, i) => row * columns + (places[n + i] as number)),
      values: values as Tensor,
      s: 1,
    };
  },
};

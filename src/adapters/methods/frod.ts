/**
 * FRoD: W' = U (diag(l) + S) V^T. All layers that play the same part share a basis V [d, d]; U has the columns of W V^-T at
 * length 1, and l, which starts at their lengths, and a sparse S are trained: W' = W at the start.
 *
 * Wan et al., "FRoD: Full-Rank Efficient Fine-Tuning with Rotational Degrees for Fast Convergence", https://arxiv.org/abs/2512.23485
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';
import { tensorOf } from '../../ops/backend.js';
import { tensorOfMatrix, type Matrix } from '../../ops/linalg/index.js';
import { matMul } from '../../ops/mat-mul.js';
import { normal, type Key } from '../../ops/random.js';
import { lookup, recordOf, type Shape, type Tensor, type Weights } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { all, fail, orProblems, type Result } from '../../problem.js';
import { field, floatField, type BaseConfig, type Fields, type Values } from '../config.js';
import { tellingTime } from '../decomposing.js';
import { initParams } from '../init-params.js';
import { basisOf, unitColumns, type Member } from '../joint-basis.js';
import { categoryOf, drawPlaces, layerNumberOf, placesCount } from '../joint-categories.js';
import type { LayoutContext, Method } from '../method.js';
import { featuresOf, moduleLayout, readingWeight, restructureSaved, unfit, weightPart } from '../module-layout.js';
import type { Layout, ParamSpec, Part, Site } from '../site.js';
import {
  layerPatternProblems,
  layerSelection,
  probability,
  targetModules,
  torchSeed,
  trainedBias,
} from '../targeting-fields.js';
import { changed, loraTargets } from '../targets/defaults.js';
import { dense, type WeightUpdate } from '../update.js';
import { withSparse } from '../updates/delta.js';

const share = t.refinement(t.number, (x) => x >= 0 && x <= 1, 'a number from 0 to 1');

const fields = {
  ...targetModules,
  ...layerSelection,
  ...trainedBias,
  fan_in_fan_out: field(t.boolean, false),
  frod_dropout: floatField(probability, 0),
  init_weights: field(t.boolean, true),
  progressbar: field(t.boolean, true),
  projection_prng_key: field(torchSeed, 0),
  regularization_alpha: floatField(t.number, 1e-3),
  runtime_offload_base_weight: field(t.boolean, false),
  save_projection: field(t.boolean, true),
  sparse_rate: floatField(share, 0.01),
} as const satisfies Fields;

type FrodConfig = BaseConfig & Values<typeof fields>;

/** Layers that share a basis. */
interface Category {
  readonly name: string;
  readonly d: number;
  /** Those that the basis comes from, in the order of their layers. */
  readonly members: ReadonlyArray<Member>;
  /** Trained places, when the file has none; drawn at need, for all categories at once. */
  readonly places: () => Int32Array;
}

interface Detail {
  readonly category: Category;
  readonly transposed: boolean;
}

const reason = 'it replaces the weight by factors that are made from it';

const sharedName = (what: 'V' | 's_indices' | 's_size', category: string): string =>
  `base_model.frod_${what}.${category}`;

/** What the file holds of a category: its basis, its places and their sizes. */
const sharedParams = (c: FrodConfig, { name, d }: Category): ReadonlyArray<ParamSpec> => {
  const frozen = { trainable: false, optional: !c.save_projection } as const;
  return [
    { name: sharedName('V', name), shape: [d, d], ...frozen },
    {
      name: sharedName('s_indices', name),
      shape: [2, placesCount(d, c.sparse_rate)],
      into: [d, d],
      dtype: 'I64',
      ...frozen,
    },
    // d, twice
    { name: sharedName('s_size', name), shape: [2], into: [d + 1], repeats: true, dtype: 'I64', ...frozen },
  ];
};

/** PEFT keeps one weight for each layer and category: of two in one layer the later one. */
const membersOf = (
  c: FrodConfig,
  spec: ModelSpec,
  modules: ReadonlyArray<ModuleSpec>,
): ReadonlyMap<string, ReadonlyMap<number, Member>> => {
  const found = new Map<string, Map<number, Member>>();
  modules.forEach((m, i) => {
    const layers = found.get(categoryOf(m.name)) ?? new Map<number, Member>();
    found.set(categoryOf(m.name), layers);
    const [key] = weightPart(spec, m, {}, null, 'dependent').site.stored;
    const { transposed: turned } = featuresOf(m, c.fan_in_fan_out);
    layers.set(layerNumberOf(m.name, i), { key: key as string, transposed: turned });
  });
  return found;
};

const categoriesOf = (
  c: FrodConfig,
  spec: ModelSpec,
  modules: ReadonlyArray<ModuleSpec>,
): ReadonlyMap<string, Category> => {
  const members = membersOf(c, spec, modules);
  const sizes = new Map(modules.map((m) => [categoryOf(m.name), featuresOf(m, c.fan_in_fan_out).in]));
  const drawn: { places?: ReadonlyMap<string, Int32Array> } = {};
  const places = (name: string) => (): Int32Array => {
    drawn.places ??= drawPlaces(sizes, c.projection_prng_key, c.sparse_rate);
    return drawn.places.get(name) as Int32Array;
  };
  return new Map(
    [...members].map(([name, layers]) => {
      const inOrder = [...layers].toSorted(([a], [b]) => a - b).map(([, member]) => member);
      return [name, { name, d: sizes.get(name) as number, members: inOrder, places: places(name) }];
    }),
  );
};

const parts =
  (c: FrodConfig, { spec, has }: LayoutContext) =>
  (modules: ReadonlyArray<ModuleSpec>): Result<ReadonlyArray<Part<Detail>>> => {
    const categories = categoriesOf(c, spec, modules);
    const first = new Set<string>();
    return all(
      modules.map((m): Result<Part<Detail>> => {
        if (m.kind !== 'Linear' && m.kind !== 'Conv1D') return unfit(m, 'a Linear or Conv1D');
        const { in: inputs, transposed: turned } = featuresOf(m, c.fan_in_fan_out);
        const category = categories.get(categoryOf(m.name)) as Category;
        if (inputs !== category.d)
          return fail(
            `target_modules: ${m.name}`,
            `${category.d} inputs, as others of "${category.name}"`,
            String(inputs),
          );
        const n = placesCount(inputs, c.sparse_rate);
        const own = { l: ['frod_lambda_l', [inputs]], s: ['frod_lambda_s_values', [n]] } as const;
        const detail = { category, transposed: turned };
        const part = readingWeight(weightPart(spec, m, own, detail, 'dependent', reason));
        const shared = first.has(category.name) ? [] : sharedParams(c, category);
        first.add(category.name);
        const held = c.save_projection ? shared : shared.filter((p) => has(p.name));
        const names = { V: sharedName('V', category.name), places: sharedName('s_indices', category.name) };
        const others = Object.fromEntries(category.members.map(({ key }, i) => [`W${i}`, key]));
        return E.right({
          ...part,
          site: c.save_projection
            ? { ...part.site, tensors: { ...part.site.tensors, ...names } }
            : { ...part.site, reads: { ...part.site.reads, ...others } },
          params: [...part.params, ...held],
        });
      }),
    );
  };

/** Shapes of the bases that no file has. */
const newBases = (c: FrodConfig, { sites }: Layout<Detail>, { has }: LayoutContext): ReadonlyArray<Shape> =>
  [...new Set(sites.flatMap(({ tensors, detail }) => (tensors['l'] === undefined ? [] : [detail.category])))]
    .filter(({ name }) => !(c.save_projection && has(sharedName('V', name))))
    .map(({ d }) => [d, d]);

const update = (
  c: FrodConfig,
  { category, transposed: turned }: Detail,
  { l, s, W, V, ...others }: Readonly<Record<string, Tensor>>,
  saved: Int32Array | undefined,
): WeightUpdate => {
  const { d } = category;
  const places = saved ?? category.places();
  const n = places.length / 2;
  const weights = category.members.map((_, i) => others[`W${i}`] as Tensor);
  const source = V ?? basisOf(weights, category.members, c.regularization_alpha);
  const basis = V ?? tensorOfMatrix(source as Matrix);
  const { U, lengths } = unitColumns(W as Tensor, turned, source);
  // W = U diag(lengths) V^T up to rounding, so this is the change from it, and none at the start
  const stretch = tf.sub(l as Tensor, tensorOf(Float32Array.from(lengths), [d]));
  const at = (i: number): number => (places[i] as number) * d + (places[n + i] as number);
  const core = withSparse(
    {
      _tag: 'Sparse',
      places: Int32Array.from({ length: d + n }, (_, i) => (i < d ? i * (d + 1) : at(i - d))),
      values: n === 0 ? stretch : tf.concat([stretch, s as Tensor], 0),
      s: 1,
    },
    tf.zeros([d, d]),
  );
  const delta = matMul(matMul(tensorOfMatrix(U), core), basis, false, true);
  return dense(turned ? tf.transpose(delta) : delta);
};

/** l at the columns' lengths and S = 0; near them when `init_weights` is false. */
const start =
  (c: FrodConfig, weights: Weights) =>
  ({ detail, reads = {}, key: parameter }: Site<Detail>, role: string, key: Key, shape: Shape): Result<Tensor> => {
    if (role === 's') return E.right(c.init_weights ? tf.zeros([...shape]) : normal(key, shape, 0, 0.1));
    const { category, transposed: turned } = detail;
    const W = lookup(weights, reads['W'] ?? '');
    const members = category.members.map((m) => lookup(weights, m.key));
    const known = members.filter((m) => m !== undefined);
    if (W === undefined || known.length < members.length)
      return fail(`weights: ${parameter}`, 'the base weights, which FRoD decomposes', 'no such tensor');
    const V = basisOf(known, category.members, c.regularization_alpha);
    if (role === 'V') return E.right(tensorOfMatrix(V));
    const lengths = tensorOf(Float32Array.from(unitColumns(W, turned, V).lengths), shape);
    return E.right(c.init_weights ? lengths : tf.add(lengths, normal(key, shape, 0, 0.1)));
  };

/** FRoD. */
export const frod: Method<FrodConfig, Detail> = {
  peftType: 'FROD',
  reference: 'https://arxiv.org/abs/2512.23485',
  fields,
  targets: { defaults: changed(loraTargets, { phi: ['q_proj', 'v_proj'], vit: ['query', 'value'] }) },
  validate: (c) => orProblems(layerPatternProblems(c), () => c),
  restructure: restructureSaved,
  layout: (c, context) =>
    E.map((layout: Layout<Detail>) => tellingTime(layout, newBases(c, layout, context)))(
      moduleLayout(c, context, parts(c, context)),
    ),
  init: (c, { layout, key, weights, onProgress }) => initParams(layout, key, weights, start(c, weights), onProgress),
  indices: (c, layout: Layout<Detail>) =>
    E.right(
      recordOf(
        (c.save_projection ? layout.sites : [])
          .filter((site) => site.tensors['places'] !== undefined)
          .flatMap(({ detail: { category } }) => [
            [sharedName('s_indices', category.name), category.places()] as const,
            [sharedName('s_size', category.name), Int32Array.of(category.d, category.d)] as const,
          ]),
      ),
    ),
  update: (c, { detail }, tensors, { indices }) => update(c, detail, tensors, indices?.['places']),
};

/**
 * Configs of methods whose blocks must divide the features that they act on.
 */
import * as fc from 'fast-check';
import { boft } from '../../adapters/methods/boft.js';
import { c3a } from '../../adapters/methods/c3a.js';
import { delora } from '../../adapters/methods/delora.js';
import { gralora } from '../../adapters/methods/gralora.js';
import { hra } from '../../adapters/methods/hra.js';
import { bone, miss } from '../../adapters/methods/miss.js';
import { oft } from '../../adapters/methods/oft.js';
import { osf } from '../../adapters/methods/osf.js';
import { road } from '../../adapters/methods/road.js';
import { featuresOf } from '../../adapters/module-layout.js';
import type { Algebra } from '../../adapters/updates/traits.js';
import type { ModuleSpec } from '../../models/spec.js';
import { sizeOf } from '../../ops/tensor.js';
import { noLessLawful } from '../law.js';
import { osfDefinition } from '../definitions/decomposed.js';
import { boneDefinition, deloraDefinition, graloraDefinition, missDefinition } from '../definitions/low-rank.js';
import { boftDefinition, hraDefinition, oftDefinition, roadDefinition } from '../definitions/rotations.js';
import { c3aDefinition } from '../definitions/spectral.js';
import type { MethodArbitrary } from './method-arbitrary.js';
import { modelSpec } from './models.js';

type Config = Readonly<Record<string, unknown>>;

/** What a method's configs are drawn from: a size, then modules that it divides, then the rest. */
interface Drawn<S> extends Pick<MethodArbitrary, 'method' | 'algebras' | 'definition' | 'models'> {
  readonly sizes: readonly [S, ...S[]];
  readonly fits: (m: ModuleSpec, size: S) => boolean;
  readonly settings: (size: S, atMost: Algebra) => fc.Arbitrary<Config>;
  readonly plain: Config;
}

const shortName = (m: ModuleSpec): string => m.name.slice(m.name.lastIndexOf('.') + 1);

const arbitrary = <S>({ sizes, fits, settings, plain, ...drawn }: Drawn<S>): MethodArbitrary => ({
  ...drawn,
  plain: { target_modules: ['q_proj'], ...plain },
  config: (spec, atMost) =>
    fc.constantFrom(...sizes).chain((size) => {
      const names = new Set(spec.modules.filter((m) => fits(m, size)).map(shortName));
      names.delete('out_proj');
      return fc
        .record({
          targets: names.size === 0 ? fc.constant(['q_proj']) : fc.subarray([...names], { minLength: 1 }),
          save: fc.boolean(),
          own: settings(size, atMost),
        })
        .map(({ targets, save, own }) => ({
          target_modules: targets,
          ...own,
          ...(save && noLessLawful('replacement', atMost) ? { modules_to_save: ['norm'] } : {}),
        }));
    }),
});

const linear = (m: ModuleSpec): boolean => m.kind === 'Linear';

const squareConv = (m: ModuleSpec): boolean =>
  m.kind === 'Conv2d' && m.conv?.groups === 1 && m.conv.kernel[0] === m.conv.kernel[1];

const columns = (m: ModuleSpec): number => sizeOf(m.params['weight'] ?? []) / featuresOf(m).out;

const divides = (size: number, ...features: ReadonlyArray<number>): boolean => features.every((n) => n % size === 0);

const bothDivide = (m: ModuleSpec, size: number): boolean =>
  (linear(m) || m.kind === 'Conv1D') && divides(size, featuresOf(m).out, featuresOf(m).in);

const additive: ReadonlyArray<Algebra> = ['additive', 'replacement'];
const turning: ReadonlyArray<Algebra> = ['orthogonal', 'replacement'];
const withDependent: ReadonlyArray<Algebra> = ['additive', 'replacement', 'dependent'];

/** One arbitrary a method. */
export const dividedArbitraries: ReadonlyArray<MethodArbitrary> = [
  arbitrary({
    method: oft,
    definition: oftDefinition,
    algebras: turning,
    sizes: [2, 3, 4, 1],
    // sizes that do not divide are adjusted
    fits: (m) => linear(m) || m.kind === 'Embedding' || (squareConv(m) && m.conv?.dilation[0] === 1),
    settings: (size) =>
      fc.record({
        ...(size === 2 ? { r: fc.constant(2), oft_block_size: fc.constant(0) } : { oft_block_size: fc.constant(size) }),
        block_share: fc.boolean(),
        use_cayley_neumann: fc.boolean(),
        num_cayley_neumann_terms: fc.integer({ min: 1, max: 7 }),
        // an active constraint moves the parameter itself, so that the gradient is another point's
        coft: fc.boolean(),
        eps: fc.constant(1e6),
      }),
    plain: { oft_block_size: 2 },
  }),
  arbitrary({
    method: hra,
    definition: hraDefinition,
    algebras: turning,
    sizes: [1, 2, 4],
    fits: (m, r) => (linear(m) || squareConv(m)) && columns(m) >= r,
    settings: (r) => fc.boolean().map((apply_GS) => ({ r, apply_GS, init_weights: !apply_GS && r % 2 === 0 })),
    plain: { r: 2 },
  }),
  arbitrary({
    method: boft,
    definition: boftDefinition,
    algebras: turning,
    sizes: [
      { size: 1, factors: 1 },
      { size: 2, factors: 1 },
      { size: 2, factors: 2 },
      { size: 2, factors: 3 },
    ],
    fits: (m, { size, factors }) => (linear(m) || squareConv(m)) && divides(size * 2 ** (factors - 1), columns(m)),
    settings: ({ size, factors }) => fc.constant({ boft_block_size: size, boft_n_butterfly_factor: factors }),
    plain: { boft_block_size: 1 },
  }),
  arbitrary({
    method: road,
    definition: roadDefinition,
    algebras: turning,
    sizes: [2, 4],
    fits: (m, size) => linear(m) && divides(size, featuresOf(m).out),
    settings: (size) =>
      fc.record({ group_size: fc.constant(size), variant: fc.constantFrom('road_1', 'road_2', 'road_4') }),
    plain: { group_size: 2 },
    models: modelSpec.filter((spec) =>
      spec.modules.every((m) => shortName(m) !== 'q_proj' || featuresOf(m).out % 2 === 0),
    ),
  }),
  arbitrary({
    method: c3a,
    definition: c3aDefinition,
    algebras: additive,
    sizes: [1, 2, 3, 8],
    fits: (m, size) => linear(m) && bothDivide(m, size),
    settings: (size) =>
      fc.record({
        block_size: fc.constant(size),
        block_size_pattern: fc.constantFrom({}, { up_proj: 1 }),
        init_weights: fc.constant(true),
      }),
    plain: { block_size: 1, init_weights: true },
  }),
  arbitrary({
    method: gralora,
    definition: graloraDefinition,
    algebras: additive,
    sizes: [1, 2, 3],
    fits: bothDivide,
    settings: (k) =>
      fc.record({
        gralora_k: fc.constant(k),
        r: fc.constantFrom(k, 2 * k),
        hybrid_r: fc.constantFrom(0, 2),
        alpha: fc.constantFrom(1, 3, 0.5),
        fan_in_fan_out: fc.boolean(),
      }),
    plain: { gralora_k: 1, r: 2, alpha: 3 },
  }),
  arbitrary({
    method: delora,
    definition: deloraDefinition,
    algebras: additive,
    sizes: [2, 1, 8],
    fits: linear,
    settings: (r) =>
      fc.record({
        r: fc.constant(r),
        delora_lambda: fc.constantFrom(15, 0.5),
        rank_pattern: fc.constantFrom({}, { q_proj: 3 }),
        lambda_pattern: fc.constantFrom({}, { up_proj: 2 }),
      }),
    plain: { r: 2, delora_lambda: 3 },
  }),
  arbitrary({
    method: miss,
    definition: missDefinition,
    algebras: withDependent,
    sizes: [2, 1, 3, 40],
    fits: bothDivide,
    settings: (r, atMost) =>
      fc.record({
        r: fc.constant(r),
        init_weights: fc.constantFrom(true, 'mini', ...(noLessLawful('dependent', atMost) ? ['bat'] : [])),
      }),
    plain: { r: 2 },
  }),
  arbitrary({
    method: bone,
    definition: boneDefinition,
    algebras: withDependent,
    sizes: [2, 1, 3],
    fits: bothDivide,
    settings: (r, atMost) =>
      fc.record({
        r: fc.constant(r),
        init_weights: fc.constantFrom(true, ...(noLessLawful('dependent', atMost) ? ['bat'] : [])),
      }),
    plain: { r: 2 },
  }),
  arbitrary({
    method: osf,
    definition: osfDefinition,
    algebras: ['dependent'],
    sizes: [1, 2, 0.5],
    fits: (m, rank) => linear(m) && (rank >= 1 || Math.min(featuresOf(m).out, featuresOf(m).in) > 1),
    settings: (rank) => fc.record({ effective_rank: fc.constant(rank) }),
    plain: { effective_rank: 1 },
  }),
];

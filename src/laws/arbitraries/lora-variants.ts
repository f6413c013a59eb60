/**
 * Configs of LoRA's variants on linear layers, one variant each.
 */
import * as fc from 'fast-check';
import type { Algebra } from '../../adapters/updates/traits.js';
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';
import { noLessLawful } from '../law.js';

type Config = Readonly<Record<string, unknown>>;

/** A variant: its fields, the modules that it fits, and the algebra that it needs. */
interface Variant {
  readonly fields: Config;
  readonly fits: (m: ModuleSpec) => boolean;
  readonly algebra: Algebra;
}

const sides = (m: ModuleSpec): readonly [number, number] => (m.params['weight'] ?? [0, 0]) as readonly [number, number];

const linear = (m: ModuleSpec): boolean => (m.kind === 'Linear' || m.kind === 'Conv1D') && m.inferred !== true;

/** Sides that leave room for a rank of 2 and one more. */
const roomy = (m: ModuleSpec): boolean => linear(m) && Math.min(...sides(m)) > 2;

const even = (m: ModuleSpec): boolean => linear(m) && sides(m).every((n) => n % 2 === 0);

const blocks = { nblocks: 2, match_strict: false } as const;

const variants: ReadonlyArray<Variant> = [
  { fields: { kasa_config: { beta: 0.001 } }, fits: (m) => roomy(m) && m.kind === 'Linear', algebra: 'dependent' },
  { fields: { init_lora_weights: 'pissa' }, fits: roomy, algebra: 'dependent' },
  { fields: { init_lora_weights: 'olora' }, fits: roomy, algebra: 'dependent' },
  { fields: { init_lora_weights: 'mica' }, fits: roomy, algebra: 'additive' },
  { fields: { monteclora_config: { num_samples: 2 } }, fits: linear, algebra: 'additive' },
  { fields: { velora_config: { num_groups: 2, scale: 0.5 } }, fits: linear, algebra: 'additive' },
  { fields: { use_bdlora: { ...blocks, target_modules_bd_a: ['proj'] } }, fits: even, algebra: 'additive' },
  { fields: { use_bdlora: { ...blocks, target_modules_bd_b: ['proj', 'c_fc'] } }, fits: even, algebra: 'additive' },
  { fields: { use_qalora: true, qalora_group_size: 2 }, fits: even, algebra: 'additive' },
  { fields: { alora_invocation_tokens: [1] }, fits: (m) => linear(m) && m.kind === 'Linear', algebra: 'routed' },
];

const shortName = (m: ModuleSpec): string => m.name.slice(m.name.lastIndexOf('.') + 1);

const namesFor = (spec: ModelSpec, { fits }: Variant): ReadonlyArray<string> =>
  [...new Set(spec.modules.map(shortName))].filter((name) => {
    const all = spec.modules.filter((m) => shortName(m) === name);
    return name !== 'out_proj' && name !== '' && all.every(fits);
  });

/** Configs of the variants that some modules of the model fit and whose adapters are at most as unlawful as asked; nothing where none do. */
export const loraVariants = (spec: ModelSpec, atMost: Algebra): fc.Arbitrary<Config> | undefined => {
  const drawn = variants
    .filter((v) => noLessLawful(v.algebra, atMost))
    .map((v) => [v, namesFor(spec, v)] as const)
    .filter(([, names]) => names.length > 0);
  if (drawn.length === 0) return undefined;
  return fc.constantFrom(...drawn).chain(([{ fields }, names]) =>
    fc
      .record({
        target_modules: fc.subarray([...names], { minLength: 1 }),
        lora_alpha: fc.constantFrom(1, 3, 8),
        use_rslora: fc.boolean(),
      })
      .map((own) => ({ r: 2, ...own, ...fields })),
  );
};

/**
 * Adapters whose forward pass routes.
 */
import * as fc from 'fast-check';
import { xlora } from '../../adapters/methods/xlora/xlora.js';
import type { ModelSpec } from '../../models/spec.js';
import type { MethodArbitrary } from './method-arbitrary.js';

type Config = Readonly<Record<string, unknown>>;

const targets = (spec: ModelSpec): ReadonlyArray<string> => [
  ...new Set(
    spec.modules
      .filter((m) => ['Linear', 'Conv1D', 'Embedding'].includes(m.kind))
      .map((m) => m.name.slice(m.name.lastIndexOf('.') + 1))
      .filter((name) => name !== 'out_proj'),
  ),
];

const expert = (names: ReadonlyArray<string>): fc.Arbitrary<Config> =>
  fc
    .record({
      r: fc.constantFrom(1, 2, 5),
      lora_alpha: fc.constantFrom(1, 2, 3),
      use_rslora: fc.boolean(),
      target_modules: fc.subarray([...names], { minLength: 1 }),
    })
    .map((fields) => ({ peft_type: 'LORA', ...fields }));

const numbered = (experts: ReadonlyArray<Config>): Config =>
  Object.fromEntries(experts.map((fields, i) => [String(i), { path: `somewhere/${i}`, fields }]));

/** X-LoRA with one to three experts on different modules. */
export const routedArbitraries: ReadonlyArray<MethodArbitrary> = [
  {
    method: xlora,
    algebras: ['routed'],
    config: (spec) =>
      fc
        .record({
          experts: fc.array(expert(targets(spec)), { minLength: 1, maxLength: 3 }),
          fields: fc.record({
            enable_softmax: fc.boolean(),
            global_scaling_weight: fc.constantFrom(1, 0.5),
            layerwise_scalings: fc.boolean(),
            top_k_lora: fc.constantFrom(null, 1),
            use_trainable_adapters: fc.boolean(),
            xlora_depth: fc.constantFrom(1, 2, 3),
            xlora_dropout_p: fc.constantFrom(0, 0.2),
          }),
        })
        .map(({ experts, fields }) => ({ ...fields, hidden_size: 3, xlora_size: 2, adapters: numbered(experts) })),
    plain: {
      hidden_size: 3,
      adapters: numbered([{ peft_type: 'LORA', r: 2, target_modules: ['q_proj'] }]),
    },
  },
];

/**
 * The variants of LoRA that a config can ask for, at most one at a time.
 */
import type { ModuleKind } from '../../../models/spec.js';
import { problem, type Problem } from '../../../problem.js';
import type { LoraConfig } from './config.js';

/** A field of the config and the name of the variant that it turns on. */
const fields = {
  use_dora: 'DoRA',
  alora_invocation_tokens: 'activated LoRA',
  arrow_config: 'Arrow',
  kasa_config: 'KaSA',
  monteclora_config: 'MonteCLoRA',
  use_bdlora: 'BD-LoRA',
  velora_config: 'VeLoRA',
} as const satisfies Partial<Record<keyof LoraConfig, string>>;

/** A variant of LoRA by name. */
export type Variant = (typeof fields)[keyof typeof fields] | 'MiCA';

const asked = (c: LoraConfig): ReadonlyArray<readonly [field: string, variant: Variant]> => [
  ...Object.entries(fields).filter(([name]) => {
    const value = c[name as keyof typeof fields];
    return value !== null && value !== false;
  }),
  ...(c.init_lora_weights === 'mica' ? [['init_lora_weights', 'MiCA'] as const] : []),
];

/** The variant that a checked config asks for. */
export const variantOf = (c: LoraConfig): Variant | undefined => asked(c)[0]?.[1];

/** PEFT's rule that no two variants come together. */
export const variantProblems = (c: LoraConfig): ReadonlyArray<Problem> => {
  const [first, ...more] = asked(c);
  return more.map(([name]) =>
    problem(
      `adapter_config.json: ${name}`,
      'one variant of LoRA',
      `${(first as readonly [string, Variant])[0]} beside it`,
    ),
  );
};

const linear: ReadonlyArray<ModuleKind> = ['Linear', 'Conv1D'];
const convolutions: ReadonlyArray<ModuleKind> = ['Conv1d', 'Conv2d', 'Conv3d'];

/** The kinds of modules that a variant acts on. */
export const kindsOf = (variant: Variant): ReadonlyArray<ModuleKind> => {
  switch (variant) {
    case 'DoRA':
      return [...linear, 'Embedding', ...convolutions];
    case 'MiCA':
      return [...linear, 'Embedding'];
    case 'KaSA':
      return ['Linear'];
    default:
      return linear;
  }
};

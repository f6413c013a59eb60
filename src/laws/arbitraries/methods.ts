/**
 * How adapters of each method are drawn: one line a method.
 */
import type * as fc from 'fast-check';
import type { Method } from '../../adapters/method.js';
import { lora } from '../../adapters/methods/lora/lora.js';
import type { Algebra } from '../../adapters/updates/traits.js';
import type { ModelSpec } from '../../models/spec.js';
import { loraDefinition } from '../definitions/lora.js';
import type { Definition } from '../definitions/definition.js';
import { loraConfig, plainLora } from './lora.js';

/** What the laws must know of a method to draw its adapters. */
export interface MethodArbitrary {
  readonly method: Method;
  /** The algebras that the method's adapters live in. */
  readonly algebras: ReadonlyArray<Algebra>;
  /** Configs in PEFT's names for a model, whose adapters are at most as unlawful as asked. */
  readonly config: (spec: ModelSpec, atMost: Algebra) => fc.Arbitrary<Readonly<Record<string, unknown>>>;
  /** A small config that fits every model. */
  readonly plain: Readonly<Record<string, unknown>>;
  /** Models that the plain config fits; those of `modelSpec` by default. */
  readonly models?: fc.Arbitrary<ModelSpec>;
  /** The method's equation in float64, written apart from its update; without one the law "definition" is to do. */
  readonly definition?: Definition;
}

/** LoRA, DoRA and rsLoRA. */
export const loraArbitrary: MethodArbitrary = {
  method: lora,
  algebras: ['additive', 'replacement', 'dependent', 'routed'],
  config: loraConfig,
  plain: plainLora,
  definition: loraDefinition,
};

/** Every method whose laws are checked, by `peft_type`. */
export const methodArbitraries: Readonly<Record<string, MethodArbitrary>> = {
  [lora.peftType]: loraArbitrary,
};

/**
 * How adapters of each method are drawn: one line a method.
 */
import { lora } from '../../adapters/methods/lora/lora.js';
import { loraDefinition } from '../definitions/lora.js';
import { decomposedArbitraries } from './decomposed.js';
import { dividedArbitraries } from './divided.js';
import { loraConfig, plainLora } from './lora.js';
import type { MethodArbitrary } from './method-arbitrary.js';
import { promptArbitraries } from './prompts.js';
import { routedArbitraries } from './routed.js';
import { sharedArbitraries } from './shared.js';
import { targetedArbitraries } from './targeted.js';

export type { MethodArbitrary } from './method-arbitrary.js';

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
  ...Object.fromEntries(
    [
      ...targetedArbitraries,
      ...dividedArbitraries,
      ...sharedArbitraries,
      ...decomposedArbitraries,
      ...routedArbitraries,
      ...promptArbitraries,
    ].map((from) => [from.method.peftType, from]),
  ),
};

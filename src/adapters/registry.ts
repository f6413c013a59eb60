/**
 * The methods that Weft knows, by `peft_type`.
 */
import type { Method } from './method.js';
import { lora } from './methods/lora/lora.js';

/** Every method, one line each. */
export const registry: Readonly<Record<string, Method>> = {
  [lora.peftType]: lora,
};

/**
 * The methods that Weft knows, by `peft_type`.
 */
import type { Method } from './method.js';
import { ia3 } from './methods/ia3.js';
import { lora } from './methods/lora/lora.js';
import { poly } from './methods/poly.js';

/** Every method, one line each. */
export const registry: Readonly<Record<string, Method>> = {
  [ia3.peftType]: ia3,
  [lora.peftType]: lora,
  [poly.peftType]: poly,
};

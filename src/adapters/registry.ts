/**
 * The methods that Weft knows, by `peft_type`.
 */
import type { Method } from './method.js';
import { c3a } from './methods/c3a.js';
import { cartridge } from './methods/cartridge.js';
import { cpt } from './methods/cpt.js';
import { multitaskPromptTuning } from './methods/multitask-prompt-tuning.js';
import { pTuning } from './methods/p-tuning.js';
import { delora } from './methods/delora.js';
import { gralora } from './methods/gralora.js';
import { hra } from './methods/hra.js';
import { ia3 } from './methods/ia3.js';
import { lora } from './methods/lora/lora.js';
import { bone, miss } from './methods/miss.js';
import { poly } from './methods/poly.js';
import { prefixTuning } from './methods/prefix-tuning.js';
import { promptTuning } from './methods/prompt-tuning.js';
import { road } from './methods/road.js';

/** Every method, one line each. */
export const registry: Readonly<Record<string, Method>> = {
  [bone.peftType]: bone,
  [c3a.peftType]: c3a,
  [cartridge.peftType]: cartridge,
  [cpt.peftType]: cpt,
  [delora.peftType]: delora,
  [gralora.peftType]: gralora,
  [hra.peftType]: hra,
  [ia3.peftType]: ia3,
  [lora.peftType]: lora,
  [miss.peftType]: miss,
  [multitaskPromptTuning.peftType]: multitaskPromptTuning,
  [pTuning.peftType]: pTuning,
  [poly.peftType]: poly,
  [prefixTuning.peftType]: prefixTuning,
  [promptTuning.peftType]: promptTuning,
  [road.peftType]: road,
};

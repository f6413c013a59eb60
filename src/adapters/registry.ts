/**
 * The methods that Weft knows, by `peft_type`.
 */
import type { Method } from './method.js';
import { beft } from './methods/beft.js';
import { boft } from './methods/boft.js';
import { c3a } from './methods/c3a.js';
import { cartridge } from './methods/cartridge.js';
import { cpt } from './methods/cpt.js';
import { deft } from './methods/deft.js';
import { delora } from './methods/delora.js';
import { fourierft } from './methods/fourierft.js';
import { glora } from './methods/glora.js';
import { gralora } from './methods/gralora.js';
import { hira } from './methods/hira.js';
import { hra } from './methods/hra.js';
import { ia3 } from './methods/ia3.js';
import { lnTuning } from './methods/ln-tuning.js';
import { loha } from './methods/loha.js';
import { lokr } from './methods/lokr.js';
import { lora } from './methods/lora/lora.js';
import { bone, miss } from './methods/miss.js';
import { multitaskPromptTuning } from './methods/multitask-prompt-tuning.js';
import { oft } from './methods/oft.js';
import { osf } from './methods/osf.js';
import { pTuning } from './methods/p-tuning.js';
import { poly } from './methods/poly.js';
import { prefixTuning } from './methods/prefix-tuning.js';
import { promptTuning } from './methods/prompt-tuning.js';
import { road } from './methods/road.js';
import { shira } from './methods/shira.js';
import { trainableTokens } from './methods/trainable-tokens.js';
import { vera } from './methods/vera.js';

/** Every method, one line each. */
export const registry: Readonly<Record<string, Method>> = {
  [beft.peftType]: beft,
  [boft.peftType]: boft,
  [bone.peftType]: bone,
  [c3a.peftType]: c3a,
  [cartridge.peftType]: cartridge,
  [cpt.peftType]: cpt,
  [deft.peftType]: deft,
  [delora.peftType]: delora,
  [fourierft.peftType]: fourierft,
  [glora.peftType]: glora,
  [gralora.peftType]: gralora,
  [hira.peftType]: hira,
  [hra.peftType]: hra,
  [ia3.peftType]: ia3,
  [lnTuning.peftType]: lnTuning,
  [loha.peftType]: loha,
  [lokr.peftType]: lokr,
  [lora.peftType]: lora,
  [miss.peftType]: miss,
  [multitaskPromptTuning.peftType]: multitaskPromptTuning,
  [oft.peftType]: oft,
  [osf.peftType]: osf,
  [poly.peftType]: poly,
  [prefixTuning.peftType]: prefixTuning,
  [promptTuning.peftType]: promptTuning,
  [pTuning.peftType]: pTuning,
  [road.peftType]: road,
  [shira.peftType]: shira,
  [trainableTokens.peftType]: trainableTokens,
  [vera.peftType]: vera,
};

/**
 * The methods that Weft knows, by `peft_type`.
 */
import type { Method } from './method.js';
import { adalora } from './methods/adalora.js';
import { adamss } from './methods/adamss.js';
import { adaptionPrompt } from './methods/adaption-prompt.js';
import { beft } from './methods/beft.js';
import { boft } from './methods/boft.js';
import { c3a } from './methods/c3a.js';
import { cartridge } from './methods/cartridge.js';
import { cpt } from './methods/cpt.js';
import { deft } from './methods/deft.js';
import { delora } from './methods/delora.js';
import { fourierft } from './methods/fourierft.js';
import { frod } from './methods/frod.js';
import { glora } from './methods/glora.js';
import { gralora } from './methods/gralora.js';
import { hira } from './methods/hira.js';
import { hra } from './methods/hra.js';
import { ia3 } from './methods/ia3.js';
import { lily } from './methods/lily.js';
import { lnTuning } from './methods/ln-tuning.js';
import { loha } from './methods/loha.js';
import { lokr } from './methods/lokr.js';
import { lora } from './methods/lora/lora.js';
import { bone, miss } from './methods/miss.js';
import { multitaskPromptTuning } from './methods/multitask-prompt-tuning.js';
import { oft } from './methods/oft.js';
import { osf } from './methods/osf.js';
import { pTuning } from './methods/p-tuning.js';
import { peanut } from './methods/peanut.js';
import { poly } from './methods/poly.js';
import { prefixTuning } from './methods/prefix-tuning.js';
import { promptTuning } from './methods/prompt-tuning.js';
import { psoft } from './methods/psoft.js';
import { pvera } from './methods/pvera.js';
import { randlora } from './methods/randlora.js';
import { road } from './methods/road.js';
import { shadow } from './methods/shadow/shadow.js';
import { shira } from './methods/shira.js';
import { supertuning } from './methods/supertuning.js';
import { tinylora } from './methods/tinylora.js';
import { trainableTokens } from './methods/trainable-tokens.js';
import { unilora } from './methods/unilora.js';
import { vblora } from './methods/vblora.js';
import { vera } from './methods/vera.js';
import { waveft } from './methods/waveft.js';
import { xlora } from './methods/xlora/xlora.js';

/** Every method, one line each. */
export const registry: Readonly<Record<string, Method>> = {
  [adalora.peftType]: adalora,
  [adamss.peftType]: adamss,
  [adaptionPrompt.peftType]: adaptionPrompt,
  [beft.peftType]: beft,
  [boft.peftType]: boft,
  [bone.peftType]: bone,
  [c3a.peftType]: c3a,
  [cartridge.peftType]: cartridge,
  [cpt.peftType]: cpt,
  [deft.peftType]: deft,
  [delora.peftType]: delora,
  [fourierft.peftType]: fourierft,
  [frod.peftType]: frod,
  [glora.peftType]: glora,
  [gralora.peftType]: gralora,
  [hira.peftType]: hira,
  [hra.peftType]: hra,
  [ia3.peftType]: ia3,
  [lily.peftType]: lily,
  [lnTuning.peftType]: lnTuning,
  [loha.peftType]: loha,
  [lokr.peftType]: lokr,
  [lora.peftType]: lora,
  [miss.peftType]: miss,
  [multitaskPromptTuning.peftType]: multitaskPromptTuning,
  [oft.peftType]: oft,
  [osf.peftType]: osf,
  [peanut.peftType]: peanut,
  [poly.peftType]: poly,
  [prefixTuning.peftType]: prefixTuning,
  [promptTuning.peftType]: promptTuning,
  [psoft.peftType]: psoft,
  [pTuning.peftType]: pTuning,
  [pvera.peftType]: pvera,
  [randlora.peftType]: randlora,
  [road.peftType]: road,
  [shadow.peftType]: shadow,
  [shira.peftType]: shira,
  [supertuning.peftType]: supertuning,
  [tinylora.peftType]: tinylora,
  [trainableTokens.peftType]: trainableTokens,
  [unilora.peftType]: unilora,
  [vblora.peftType]: vblora,
  [vera.peftType]: vera,
  [waveft.peftType]: waveft,
  [xlora.peftType]: xlora,
};

/** Every `peft_type` that PEFT 0.21 writes. Bone is a name of older versions. */
export const peftTypes: ReadonlyArray<string> = Object.keys(registry)
  .filter((type) => type !== bone.peftType)
  .toSorted();

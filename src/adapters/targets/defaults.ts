/**
 * Target modules of a config that names none, by method and `model_type`.
 *
 * Source: the tables TRANSFORMERS_MODELS_TO_<METHOD>_TARGET_MODULES_MAPPING of PEFT 0.21. Most methods share LoRA's table;
 * others are changes to it or tables of their own. Methods that are not here need their targets named.
 */
import { adaloraTargets, beftTargets, ia3Targets, lnTuningTargets, osfTargets } from './defaults/others.js';
import { changed, loraTargets, type DefaultTargets } from './defaults/lora.js';

export { changed, loraTargets, type DefaultTargets } from './defaults/lora.js';

/** Methods with LoRA's own table. */
const likeLora =
  'LORA BOFT DEFT DELORA GLORA GRALORA HIRA HRA LILY LOHA LOKR MISS OFT PEANUT POLY PSOFT RANDLORA ROAD SUPERTUNING TINYLORA UNILORA'.split(
    ' ',
  );

const queryValue = ['query', 'value'];
const phi = { phi: ['q_proj', 'v_proj'] };
const downProjection = { gpt2: ['mlp.c_proj'], gpt_bigcode: ['mlp.c_proj'] };

/** The table of each method, by `peft_type`. */
export const targetsByMethod: Readonly<Record<string, DefaultTargets>> = {
  ...Object.fromEntries(likeLora.map((peftType) => [peftType, loraTargets])),
  ADALORA: changed(adaloraTargets, { roberta: ['query', 'key', 'value', 'dense'] }),
  ADAMSS: changed(loraTargets, { vit: queryValue }),
  BEFT: beftTargets,
  C3A: changed(loraTargets, downProjection),
  FOURIERFT: changed(loraTargets, downProjection),
  FROD: changed(loraTargets, { ...phi, vit: queryValue }),
  IA3: ia3Targets,
  LN_TUNING: lnTuningTargets,
  OSF: osfTargets,
  PVERA: changed(loraTargets, { ...phi, dinov2: queryValue }),
  SHIRA: changed(loraTargets, phi),
  VBLORA: adaloraTargets,
  VERA: changed(loraTargets, phi),
  WAVEFT: changed(loraTargets, downProjection, ['btlm', 'rwkv', 'rwkv7']),
};

/** Default targets of a method on a model type, if there are any. */
export const defaultTargets = (
  peftType: string,
  modelType: string | undefined,
): string | ReadonlyArray<string> | undefined => {
  const table = Object.hasOwn(targetsByMethod, peftType) ? targetsByMethod[peftType] : undefined;
  return table !== undefined && modelType !== undefined && Object.hasOwn(table, modelType)
    ? table[modelType]
    : undefined;
};

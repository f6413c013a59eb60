/**
 * What a method asks of targeting beyond the fields of its config.
 *
 * Source: the tables TRANSFORMERS_MODELS_TO_<METHOD>_TARGET_MODULES_MAPPING of PEFT 0.21. Most methods share LoRA's table;
 * others are changes to it or tables of their own.
 */
import { loraTargets, type DefaultTargets } from './defaults/lora.js';

export { changed, loraTargets, type DefaultTargets } from './defaults/lora.js';

/** How a method picks its modules. */
export interface TargetRules {
  /** Targets of a config that names none, by `model_type`; a method without such a table needs its targets named. */
  readonly defaults?: DefaultTargets;
  /** What is taken where there is no default either, instead of a problem. */
  readonly otherwise?: string;
  /** Long lists of targets stay as they are: another list must stay a part of them (IA3). */
  readonly keepsLists?: boolean;
  /** Refuses the weights that Mamba models read without calling their modules. */
  readonly refusesMamba?: boolean;
}

/** LoRA's table and nothing else, which most methods have. */
export const likeLora: TargetRules = { defaults: loraTargets };

/** Default targets on a model type, if there are any. */
export const defaultTargets = (
  rules: TargetRules | undefined,
  modelType: string | undefined,
): string | ReadonlyArray<string> | undefined => {
  const table = rules?.defaults;
  return table !== undefined && modelType !== undefined && Object.hasOwn(table, modelType)
    ? table[modelType]
    : undefined;
};

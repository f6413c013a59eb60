/**
 * The names that `init_lora_weights` knows, and what each means for an adapter that is loaded.
 */
import { problem, type Problem } from '../../../problem.js';
import type { LoraConfig } from './config.js';

/**
 * How training starts. `plain` starts leave the base as it is. `pissa` and `olora` take a part out of the base that the base itself
 * tells. The others take out what only they knew: data, gradients, a quantisation.
 */
export type StartName =
  'kaiming' | 'random' | 'gaussian' | 'orthogonal' | 'eva' | 'mica' | 'pissa' | 'pissa_niter' | 'olora' | Unknowable;

/** Starts whose base cannot be told from the base model alone. */
export type Unknowable = 'corda' | 'loftq' | 'lora_ga';

const unknowable: ReadonlyArray<Unknowable> = ['corda', 'loftq', 'lora_ga'];

const lowerCase: ReadonlyArray<StartName> = ['gaussian', 'orthogonal', 'eva', 'olora'];

/** Power iterations of "pissa_niter_<k>". */
export const pissaIterations = (init: LoraConfig['init_lora_weights']): number | undefined => {
  const found = typeof init === 'string' ? /^pissa_niter_(\d+)$/.exec(init)?.[1] : undefined;
  return found === undefined ? undefined : Number(found);
};

/** The start that a config names; nothing for a name that PEFT does not know. */
export const startName = (init: LoraConfig['init_lora_weights']): StartName | undefined => {
  if (init === true) return 'kaiming';
  if (init === false) return 'random';
  if (init === 'pissa' || init === 'mica') return init;
  if (pissaIterations(init) !== undefined) return 'pissa_niter';
  return lowerCase.find((name) => name === init.toLowerCase()) ?? unknowable.find((name) => name === init);
};

/** Whether a start takes a part out of the base that the base itself tells. */
export const takesOut = (init: LoraConfig['init_lora_weights']): boolean => {
  const name = startName(init);
  return name === 'pissa' || name === 'pissa_niter' || name === 'olora';
};

const at = 'adapter_config.json: init_lora_weights';

/** Unknown names, and starts whose base is lost. */
export const startProblems = (c: LoraConfig): ReadonlyArray<Problem> => {
  const name = startName(c.init_lora_weights);
  if (name === undefined)
    return [
      problem(
        at,
        'true, false, "gaussian", "orthogonal", "eva", "mica", "pissa", "pissa_niter_<number>" or "olora"',
        JSON.stringify(c.init_lora_weights),
      ),
    ];
  return unknowable.some((u) => u === name)
    ? [
        problem(
          at,
          'an initialisation whose base follows from the base model',
          `"${name}"`,
          'This adapter belongs to a base that its initialisation has changed: give that base and set init_lora_weights to true, or convert it with the adapter that training started from (plainLoraFrom).',
        ),
      ]
    : [];
};

/** What is worth telling about a start. */
export const startWarnings = (c: LoraConfig): ReadonlyArray<string> =>
  startName(c.init_lora_weights) === 'pissa_niter'
    ? [
        `${at}: "${String(c.init_lora_weights)}" took a random approximation out of the base that no file tells; the exact decomposition is taken out instead, so results differ slightly from training`,
      ]
    : [];

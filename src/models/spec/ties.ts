/**
 * Tied parameters: one tensor under several names.
 */
import type { Shape } from '../../ops/tensor.js';
import type { ModelSpec } from '../spec.js';
import type { Architecture, Head } from './architecture.js';
import type { Stored } from './keys.js';

/** The parameter (alias) that is another one (owner). */
export type Tie = readonly [alias: string, owner: string];

/** Stored parameters with the aliases that the class adds. */
export interface Tied {
  readonly parameters: ReadonlyArray<Stored>;
  readonly ties: ReadonlyArray<Tie>;
  readonly output: string | undefined;
}

/** Whether a parameter lies at or below a path. */
const holds = (keys: ReadonlySet<string>, path: string): boolean => [...keys].some((k) => k.startsWith(`${path}.`));

/** Path of the base model with its dot: where its input embedding is, or else any part of it. */
const baseOf = (arch: Architecture, keys: ReadonlySet<string>): string => {
  const candidates = [`${arch.prefix}.`, ''];
  const byInput = candidates.find((base) => holds(keys, `${base}${arch.input}`));
  return byInput ?? candidates.find((base) => arch.parts.some((part) => holds(keys, `${base}${part}`))) ?? '';
};

/** The head that a class has; without a class, the one whose weight is stored, or any if the base model has a prefix. */
const headOf = (
  arch: Architecture,
  className: string | undefined,
  keys: ReadonlySet<string>,
  base: string,
): Head | undefined =>
  arch.heads.find((head) =>
    className === undefined ? base !== '' || keys.has(`${head.output}.weight`) : head.classes.test(className),
  );

/** The ties that a class has when nothing is stored twice. */
const tiesOf = (
  arch: Architecture,
  keys: ReadonlySet<string>,
  base: string,
  head: Head | undefined,
): ReadonlyArray<Tie> => {
  const owner = `${base}${arch.input}.weight`;
  const stacks = (arch.shared ?? []).filter((s) => holds(keys, `${base}${s.split('.', 1)[0]}`));
  return [
    ...stacks.map((s) => [`${base}${s}.weight`, owner] as const),
    ...(head === undefined ? [] : [[`${head.output}.weight`, owner] as const]),
    ...(head?.bias === undefined ? [] : [[`${head.output}.bias`, head.bias] as const]),
  ];
};

/**
 * Adds tied parameters. A parameter is tied only when the file does not store it on its own; if the file stores an alias and not
 * the owner, the owner's tensor is the alias's.
 */
export const tie = (
  arch: Architecture,
  className: string | undefined,
  tieWords: boolean,
  stored: ReadonlyArray<Stored>,
): Tied => {
  const keys = new Set(stored.map((s) => s.key));
  const base = baseOf(arch, keys);
  const head = headOf(arch, className, keys, base);
  const wanted = tiesOf(arch, keys, base, tieWords ? head : undefined);
  const lender = wanted.find(([alias, owner]) => !keys.has(owner) && keys.has(alias));
  const own = lender === undefined ? stored : stored.map((s) => (s.key === lender[0] ? { ...s, key: lender[1] } : s));
  const shapes = new Map<string, Shape>(own.map((s) => [s.key, s.shape]));
  const ties = wanted.filter(([alias, owner]) => shapes.has(owner) && !shapes.has(alias));
  const aliases = ties.map(([alias, owner]) => ({ key: alias, fileKey: alias, shape: shapes.get(owner) as Shape }));
  const parameters = [...own, ...aliases];
  const hasHead = head !== undefined && parameters.some((p) => p.key === `${head.output}.weight`);
  return { parameters, ties, output: hasHead ? head.output : undefined };
};

/** Causal language models of unknown types: a head that is not stored is tied when config.json says so. */
export const tieUnknown = (
  className: string | undefined,
  tieWords: boolean | undefined,
  input: RegExp,
  stored: ReadonlyArray<Stored>,
): Tied => {
  const alias = 'lm_head.weight';
  const owner = stored.find((s) => s.key.endsWith('.weight') && input.test(s.key.slice(0, -'.weight'.length)));
  const known = stored.some((s) => s.key === alias) || tieWords !== true || className?.endsWith('ForCausalLM') !== true;
  return known || owner === undefined
    ? { parameters: stored, ties: [], output: undefined }
    : {
        parameters: [...stored, { ...owner, key: alias, fileKey: alias }],
        ties: [[alias, owner.key]],
        output: 'lm_head',
      };
};

/**
 * config.json of a model whose ties are cut: `tie_word_embeddings` turns false, as PEFT leaves it after a merge that parts them. T5
 * reads from that field too whether it scales what goes into the head, so a scale gets the field of its own that transformers 5 writes.
 */
export const partedConfig = ({ modelType, config }: ModelSpec): ModelSpec['config'] => {
  const scaled = modelType === 't5' && config['scale_decoder_outputs'] === undefined;
  return {
    ...config,
    tie_word_embeddings: false,
    ...(scaled ? { scale_decoder_outputs: config['tie_word_embeddings'] !== false } : {}),
  };
};

/**
 * The tree in which tied parameters are stored on their own: all of them, or those named by their aliases. Without a tie of the head
 * to the input embedding config.json says so (`partedConfig`).
 */
export const untie = (
  spec: ModelSpec,
  aliases: ReadonlyArray<string> = spec.ties.map(([alias]) => alias),
): ModelSpec => {
  const ties = spec.ties.filter(([alias]) => !aliases.includes(alias));
  const head = `${spec.outputEmbedding ?? ''}.weight`;
  const parted = spec.ties.some(([alias]) => alias === head) && !ties.some(([alias]) => alias === head);
  return { ...spec, ties, config: parted ? partedConfig(spec) : spec.config };
};

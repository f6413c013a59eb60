/**
 * The sizes of attention in config.json: heads, the groups that share keys and values, and sliding windows by layer type.
 */
import { orProblems, problem, type Problem, type Result } from '../problem.js';
import { configField } from './config.js';

/** Key and value heads, a divisor of the query heads, and the width of a head. */
export interface Heads {
  readonly groups: number;
  readonly headDim: number;
}

/** Tokens that a layer sees back, itself included; `undefined` for all. One entry a layer. */
export type Windows = ReadonlyArray<number | undefined>;

/** The decoded fields that say how channels are divided into heads. */
export interface HeadFields {
  readonly hidden_size: number;
  readonly num_attention_heads: number;
  /** As many as query heads where it is absent or null. */
  readonly num_key_value_heads?: number | null | undefined;
  /** hidden_size / num_attention_heads where it is absent or null. */
  readonly head_dim?: number | null | undefined;
}

/** The heads of a model; problems where heads do not divide evenly. */
export const groupedHeads = (f: HeadFields): Result<Heads> => {
  const heads = f.num_attention_heads;
  const groups = f.num_key_value_heads ?? heads;
  const headDim = f.head_dim ?? f.hidden_size / heads;
  const problems: ReadonlyArray<Problem> = [
    ...(heads % groups === 0
      ? []
      : [problem(configField('num_key_value_heads'), `a divisor of ${heads} heads`, `${groups}`)]),
    ...(Number.isInteger(headDim)
      ? []
      : [problem(configField('hidden_size'), `a multiple of ${heads} heads`, `${f.hidden_size}`)]),
  ];
  return orProblems(problems, () => ({ groups, headDim }));
};

const SLIDING = 'sliding_attention';
const known: ReadonlyArray<string> = ['full_attention', SLIDING];

/**
 * The windows of `layer_types`.
 *
 * @param types one name a layer
 * @param layers number of layers
 * @param window of sliding layers
 * @param hint what else a window needs
 * @returns problems for a wrong number of names, unknown names, and sliding layers without a window
 */
export const windowsOfTypes = (
  types: ReadonlyArray<string>,
  layers: number,
  window: number | undefined,
  hint?: string,
): Result<Windows> => {
  const at = configField('layer_types');
  const problems: ReadonlyArray<Problem> = [
    ...(types.length === layers ? [] : [problem(at, `${layers} entries, one a layer`, `${types.length}`)]),
    ...types.flatMap((type, i) =>
      known.includes(type) ? [] : [problem(`${at}.${i}`, known.join(' or '), JSON.stringify(type))],
    ),
    ...(types.includes(SLIDING) && window === undefined
      ? [problem(configField('sliding_window'), 'a window for sliding layers', 'none', hint)]
      : []),
  ];
  return orProblems(problems, () => types.map((type) => (type === SLIDING ? window : undefined)));
};

/**
 * What prompt methods share: their config fields, where their virtual tokens stand, and how keys and values are packed.
 */
import * as t from 'io-ts';
import { E } from '../fp.js';
import type { ModelSpec } from '../models/spec.js';
import type { Shape, Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import { orProblems, problem, type Problem, type Result } from '../problem.js';
import { savedModules, untieSaved } from './auxiliary.js';
import { field, nullable, type BaseConfig, type Fields, type Values } from './config.js';
import type { LayoutContext, Restructured } from './method.js';
import { layoutOfParts, type Layout, type ParamSpec, type Part } from './site.js';
import { selectSaved } from './targets/match.js';
import { names, positiveInt } from './targeting-fields.js';
import { treeChange, unchangedSources } from './tree.js';
import { promptKey, type Prompt } from './update.js';

/** The fields of PromptLearningConfig. */
export const promptFields = {
  modules_to_save: nullable(names),
  num_attention_heads: nullable(positiveInt),
  num_layers: nullable(positiveInt),
  num_transformer_submodules: nullable(positiveInt),
  num_virtual_tokens: field(t.union([positiveInt, t.null], 'the number of virtual tokens'), null),
  token_dim: nullable(positiveInt),
} as const satisfies Fields;

/** A decoded config of a prompt method. */
export type PromptConfig = BaseConfig & Values<typeof promptFields>;

/** The sizes of a prompt: n tokens of width D (per submodule), for L layers of H heads. */
export interface PromptSizes {
  readonly n: number;
  readonly D: number;
  readonly L: number;
  readonly H: number;
  readonly submodules: number;
}

const whole = (config: Readonly<Record<string, unknown>>, ...keys: ReadonlyArray<string>): number | undefined =>
  keys.map((key) => config[key]).find((v): v is number => typeof v === 'number' && Number.isInteger(v) && v > 0);

/** Sizes that a model dictates; with grouped-query attention a prefix has the width and heads of keys and values. */
const modelSizes = (spec: ModelSpec, prefix: boolean) => {
  const nested = spec.config['text_config'];
  const config = t.UnknownRecord.is(nested) ? nested : spec.config;
  const heads = whole(config, 'num_attention_heads', 'n_head', 'num_heads', 'encoder_attention_heads');
  const width = whole(config, 'hidden_size', 'n_embd', 'd_model');
  const groups = prefix ? whole(config, 'num_key_value_heads') : undefined;
  const headDim = whole(config, 'head_dim') ?? (width !== undefined && heads !== undefined ? width / heads : undefined);
  return {
    L: whole(config, 'num_hidden_layers', 'num_layers', 'n_layer'),
    H: groups ?? heads,
    D: groups !== undefined && headDim !== undefined ? groups * headDim : width,
  };
};

/** The width of a model's hidden states, where its config tells. */
export const hiddenSize = (spec: ModelSpec): number | undefined => modelSizes(spec, false).D;

/** One size: what the config says must be what the model has; either may be missing. */
const agreed = (name: keyof PromptConfig, given: number | null, model: number | undefined): Result<number> => {
  const at = `adapter_config.json: ${String(name)}`;
  const value = given ?? model;
  if (value === undefined) return E.left([problem(at, 'a number, because config.json does not tell it', 'null')]);
  const problems: ReadonlyArray<Problem> =
    model !== undefined && value !== model
      ? [problem(at, `${model}, as the model has it`, String(value), 'Is this the base model of the adapter?')]
      : [];
  return orProblems(problems, () => value);
};

/** The sizes of a prompt on a model, with every disagreement at once. */
export const promptSizes = (c: PromptConfig, spec: ModelSpec, prefix: boolean): Result<PromptSizes> => {
  const model = modelSizes(spec, prefix);
  const D = agreed('token_dim', c.token_dim, model.D);
  const L = agreed('num_layers', c.num_layers, model.L);
  const H = agreed('num_attention_heads', c.num_attention_heads, model.H);
  const problems = [D, L, H].flatMap((r) => (E.isLeft(r) ? r.left : []));
  const missing =
    c.num_virtual_tokens === null
      ? [problem('adapter_config.json: num_virtual_tokens', 'the number of virtual tokens', 'null')]
      : [];
  const value = (r: Result<number>): number => (E.isRight(r) ? r.right : 0);
  return orProblems([...problems, ...missing], () => ({
    n: c.num_virtual_tokens ?? 0,
    D: value(D),
    L: value(L),
    H: value(H),
    submodules: c.num_transformer_submodules ?? (c.task_type === 'SEQ_2_SEQ_LM' ? 2 : 1),
  }));
};

/** Prompt methods wrap the model itself, so saved modules lie one level higher in their files. */
const promptPrefix = 'base_model.';

const reason = 'it adds virtual tokens and changes no weight';

/** The layout of a prompt method: its tensors, and modules saved beside them. */
export const promptLayout = <D>(
  c: PromptConfig,
  { spec }: LayoutContext,
  tensors: Readonly<Record<string, readonly [name: string, shape: Shape]>>,
  detail: D,
): Result<Layout<D>> =>
  E.map((saved: { readonly modules: ModelSpec['modules']; readonly warnings: ReadonlyArray<string> }) => {
    const params = Object.values(tensors).map(([name, shape]): ParamSpec => ({
      name,
      shape,
      trainable: true,
      optional: false,
    }));
    const roles = Object.fromEntries(Object.entries(tensors).map(([role, [name]]) => [role, name]));
    const own = {
      site: { key: promptKey, stored: [], module: promptKey, tensors: roles, detail },
      params,
      algebra: 'prompt' as const,
      reason,
    };
    const parts: ReadonlyArray<Part> = [own, ...savedModules(spec, saved.modules, promptPrefix)];
    return layoutOfParts(parts, saved.warnings) as Layout<D>;
  })(selectSaved({ ...c, modules_to_save: [...new Set(c.modules_to_save ?? [])] }, spec));

/** The layout of a method whose file holds soft tokens alone. */
export const softLayout = (c: PromptConfig, context: LayoutContext, sizes: PromptSizes): Result<Layout<PromptSizes>> =>
  promptLayout(c, context, { E: ['prompt_embeddings', [sizes.n * sizes.submodules, sizes.D]] }, sizes);

/** The module tree of prompt methods: the base's, with ties cut where one side is saved as a copy. */
export const restructurePrompt = (c: PromptConfig, base: ModelSpec): Result<Restructured> =>
  E.map((saved: { readonly modules: ModelSpec['modules'] }) => {
    const untied = untieSaved(base, saved.modules);
    return { spec: untied.spec, change: treeChange(base, { ...unchangedSources(base), ...untied.sources }) };
  })(selectSaved(c, base));

const isEncoderDecoder = (c: PromptConfig): boolean => c.task_type === 'SEQ_2_SEQ_LM';

/**
 * Soft tokens [.., n, D] where a model reads them. In an encoder-decoder the rows of the second submodule are the decoder's, where
 * the method has any for it: PEFT trains them with multitask prompts alone, and keeps them unused otherwise.
 */
export const softPrompt = (c: PromptConfig, { n, submodules }: PromptSizes, E_: Tensor, decodes: boolean): Prompt => {
  if (!isEncoderDecoder(c) || submodules === 1) return { _tag: 'Prompt', soft: E_ };
  const rows = (from: number, size: number): Tensor => {
    const start = Array.from({ length: E_.rank }, (_, axis) => (axis === E_.rank - 2 ? from : 0));
    return tf.slice(
      E_,
      start,
      E_.shape.map((d, axis) => (axis === E_.rank - 2 ? size : d)),
    );
  };
  const rest = (submodules - 1) * n;
  return { _tag: 'Prompt', soft: rows(0, n), ...(decodes ? { decoderSoft: rows(n, rest) } : {}) };
};

/**
 * The pair of keys and values that layer l of L reads. With two submodules PEFT repeats the pairs and gives every layer two, of which
 * the decoder's self-attention takes the first: 2 l mod L. What a file was trained with is what it means.
 */
const pairOf = (c: PromptConfig, { L, submodules }: PromptSizes, l: number): number =>
  isEncoderDecoder(c) && submodules === 2 ? (2 * l) % L : l;

/**
 * Keys and values of every layer from packed rows E [n, 2 L D]: columns [2 l D, (2 l + 1) D) are layer l's keys, the next D its
 * values, heads one after the other.
 */
export const unpackPrefix = (c: PromptConfig, sizes: PromptSizes, E_: Tensor): Prompt => {
  const { L, H } = sizes;
  const n = E_.shape[0] as number;
  const layers = tf.transpose(tf.reshape(E_, [n, 2 * L, H, -1]), [1, 2, 0, 3]); // [2 L, H, n, d]
  const block = (i: number): Tensor => tf.slice(layers, [i, 0, 0, 0], [1, H, n, layers.shape[3] as number]);
  return {
    _tag: 'Prompt',
    prefix: Array.from({ length: L }, (_, l) => {
      const pair = pairOf(c, sizes, l);
      return { k: block(2 * pair), v: block(2 * pair + 1) };
    }),
  };
};

/** The first n tokens of a cache of one sequence, packed as `unpackPrefix` reads them: [n, 2 L D]. */
export const packPrefix = (cache: ReadonlyArray<{ readonly k: Tensor; readonly v: Tensor }>, n: number): Tensor => {
  const rows = cache
    .flatMap(({ k, v }) => [k, v])
    .map((x) => {
      const [batch, H, T, d] = x.shape as [number, number, number, number];
      if (batch !== 1 || T < n)
        throw new RangeError(`cache: expected one sequence of at least ${n} tokens, found ${batch} of ${T}`);
      return tf.reshape(tf.transpose(tf.slice(x, [0, 0, 0, 0], [1, H, n, d]), [0, 2, 1, 3]), [n, H * d]);
    });
  return tf.concat(rows, 1);
};

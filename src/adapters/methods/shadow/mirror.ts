/**
 * The shadow that PEFT builds by itself: a model of the base's kind with fewer or smaller layers.
 */
import { E, F } from '../../../fp.js';
import { specOf } from '../../../models/spec-of.js';
import { decoderShapes } from '../../../models/spec/decoder-shapes.js';
import type { NamedShape } from '../../../models/spec/shapes.js';
import type { ModelSpec } from '../../../models/spec.js';
import { recordOf } from '../../../ops/tensor.js';
import { orProblems, problem, unsupported, type Problem, type Problems, type Result } from '../../../problem.js';
import type { ShadowConfig } from './config.js';

type Config = ModelSpec['config'];

/** Where a decoder keeps its layers, and what its config calls their number and sizes. */
interface Stack {
  /** Path of the model without its head. */
  readonly path: string;
  /** Its list of layers. */
  readonly list: string;
  readonly layers: string;
  readonly hidden: string;
  readonly inner: string;
  readonly heads: string;
}

const standard = { layers: 'num_hidden_layers', hidden: 'hidden_size', heads: 'num_attention_heads' } as const;
const llama: Stack = { path: 'model', list: 'layers', inner: 'intermediate_size', ...standard };

const stacks: Readonly<Record<string, Stack>> = {
  llama,
  mistral: llama,
  qwen2: llama,
  qwen3: llama,
  gpt_oss: llama,
  opt: { path: 'model.decoder', list: 'layers', inner: 'ffn_dim', ...standard },
  gpt2: { path: 'transformer', list: 'h', layers: 'n_layer', hidden: 'n_embd', inner: 'n_inner', heads: 'n_head' },
};

const listOf = ({ path, list }: Stack): string => `${path}.${list}`;

/** The path of the list of layers. */
export const layersPath = (spec: ModelSpec): string | undefined => {
  const stack = stackOf(spec);
  return stack === undefined ? undefined : listOf(stack);
};

const stackOf = ({ modelType = '' }: ModelSpec): Stack | undefined =>
  Object.hasOwn(stacks, modelType) ? stacks[modelType] : undefined;

/** Every block, by `model_type`: what a config without targets means. */
export const everyBlock: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(stacks).map(([type, stack]) => [type, `${listOf(stack).replaceAll('.', '\\.')}\\.\\d+`]),
);

/** A shadow's architecture and what it needs of the base. */
export interface Mirror {
  /** The module tree, as if it were a model of its own. */
  readonly spec: ModelSpec;
  /** Its parameters: the key in the tree, and the name behind `shadow_backbone.default.` in files. */
  readonly params: ReadonlyArray<{ readonly key: string; readonly name: string; readonly shape: NamedShape[1] }>;
  /** Widths of the shadow's hidden states and of the base's. */
  readonly width: number;
  readonly baseWidth: number;
  /** It reads the base's token embeddings instead of its own. */
  readonly shared: boolean;
}

const number = (config: Config, name: string): number | undefined => {
  const value = config[name];
  return typeof value === 'number' ? value : undefined;
};

/** Sizes that transformers works out from others once, when the base is loaded, and that a smaller model keeps. */
const fixed = (type: string, config: Config, width: number): Config => {
  const heads = number(config, 'num_attention_heads');
  const groups = config['num_key_value_heads'];
  const ungrouped = groups === null || (groups === undefined && type === 'llama');
  const perHead = ['llama', 'mistral'].includes(type) || (type === 'gpt_oss' && config['head_dim'] === null);
  return {
    ...(perHead && heads !== undefined ? { head_dim: config['head_dim'] ?? width / heads } : {}),
    ...(ungrouped && heads !== undefined ? { num_key_value_heads: heads } : {}),
    ...(type === 'opt' ? { word_embed_proj_dim: config['word_embed_proj_dim'] ?? width } : {}),
  };
};

const FULL = 'full_attention';
const SLIDING = 'sliding_attention';

/** The kinds of the base's layers, where its model type has more than one. */
const layerTypes = (type: string, config: Config, layers: number): ReadonlyArray<unknown> | undefined => {
  const given = config['layer_types'];
  if (Array.isArray(given)) return given;
  const each = (slides: (i: number) => boolean): ReadonlyArray<string> =>
    Array.from({ length: layers }, (_, i) => (slides(i) ? SLIDING : FULL));
  if (type === 'gpt_oss') return each((i) => i % 2 === 0);
  if (type !== 'qwen2' && type !== 'qwen3') return undefined;
  const first = number(config, 'max_window_layers') ?? 28;
  return each((i) => config['use_sliding_window'] === true && config['sliding_window'] !== null && i >= first);
};

/** As many kinds as layers: the first ones, and the last one again where there are too few. */
const resized = (types: ReadonlyArray<unknown>, n: number): ReadonlyArray<unknown> =>
  Array.from({ length: n }, (_, i) => types[Math.min(i, types.length - 1)] ?? FULL);

const mirrored = (c: ShadowConfig, type: string, stack: Stack, base: Config, width: number, layers: number): Config => {
  const count = c.shadow_num_hidden_layers || 1;
  const types = layerTypes(type, base, layers);
  return {
    ...base,
    ...fixed(type, base, width),
    [stack.layers]: count,
    ...(c.shadow_hidden_size === null ? {} : { [stack.hidden]: c.shadow_hidden_size }),
    ...(c.shadow_intermediate_size === null ? {} : { [stack.inner]: c.shadow_intermediate_size }),
    ...(c.shadow_num_attention_heads === null ? {} : { [stack.heads]: c.shadow_num_attention_heads }),
    ...(types === undefined ? {} : { layer_types: resized(types, count) }),
  };
};

/** OPT's embeddings may have a width of their own, which its hidden states come back to behind the last layer. */
const widthProblems = (type: string, config: Config, width: number): ReadonlyArray<Problem> => {
  const outer = type === 'opt' ? number(config, 'word_embed_proj_dim') : width;
  return outer === width
    ? []
    : [
        problem(
          'adapter_config.json: shadow_hidden_size',
          `${outer}, the width of the embeddings, on a model with project_out`,
          String(width),
          'PEFT 0.21 builds such a shadow, whose hidden states then have another width than it expects, and fails when it runs.',
        ),
      ];
};

/** The base's own sizes, from its tensors. */
const sizesOf = (spec: ModelSpec, stack: Stack): { readonly width: number; readonly layers: number } => {
  const blocks = spec.modules.filter((m) => m.name.startsWith(`${listOf(stack)}.`));
  const norms = blocks.flatMap((m) =>
    m.kind === 'LayerNorm' || m.kind === 'RMSNorm' ? [m.params['weight']?.[0]] : [],
  );
  const numbers = blocks.map((m) => Number(m.name.slice(listOf(stack).length + 1).split('.')[0]));
  return {
    width: number(spec.config, stack.hidden) ?? norms[0] ?? 0,
    layers: Math.max(-1, ...numbers) + 1,
  };
};

/** Problems with the shadow's own config.json, which no file holds. */
const ofShadow = <A>(result: Result<A>): Result<A> => {
  const marked = (p: Problem): Problem => ({ ...p, at: `shadow/${p.at}` });
  return E.mapLeft(([first, ...rest]: Problems): Problems => [marked(first), ...rest.map(marked)])(result);
};

/**
 * The shadow of a base model. Problems: a model type that Weft has no forward pass of, sizes that do not fit each other.
 */
export const mirrorOf = (c: ShadowConfig, base: ModelSpec): Result<Mirror> => {
  const type = base.modelType ?? '';
  const stack = stackOf(base);
  const shapes = Object.hasOwn(decoderShapes, type) ? decoderShapes[type] : undefined;
  if (stack === undefined || shapes === undefined)
    return E.left([
      unsupported(
        'adapter_config.json: peft_type',
        `a shadow of model type ${base.modelType ?? 'unknown'}; there are shadows of ${Object.keys(stacks).join(', ')}`,
      ),
    ]);
  const { width: baseWidth, layers } = sizesOf(base, stack);
  const config = mirrored(c, type, stack, base.config, baseWidth, layers);
  const width = c.shadow_hidden_size ?? baseWidth;
  const shared = c.share_embeddings && width === baseWidth;
  return F.pipe(
    orProblems(widthProblems(type, config, width), () => config),
    E.chain((checked) => ofShadow(shapes(checked))),
    E.bindTo('named'),
    E.bind('spec', ({ named }) =>
      specOf(config, recordOf(named.map(([name, shape]) => [`${stack.path}.${name}`, shape] as const))),
    ),
    E.map(({ named, spec }) => ({
      spec,
      width,
      baseWidth,
      shared,
      // with the base's embeddings PEFT takes the shadow's own away, where they have this name
      params: named
        .filter(([name]) => !(shared && name.startsWith('embed_tokens.')))
        .map(([name, shape]) => ({ key: `${stack.path}.${name}`, name, shape })),
    })),
  );
};

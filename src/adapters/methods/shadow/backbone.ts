/**
 * The model that a shadow is: its module tree and parameters, from the base's config.json or from its own.
 */
import { E, F } from '../../../fp.js';
import { specOf } from '../../../models/spec-of.js';
import { decoderShapes } from '../../../models/spec/decoder-shapes.js';
import type { NamedShape } from '../../../models/spec/shapes.js';
import type { ModelSpec } from '../../../models/spec.js';
import { recordOf } from '../../../ops/tensor.js';
import { orProblems, problem, unsupported, type Problem, type Result } from '../../../problem.js';
import { show } from '../../config.js';
import { nestedProblems } from '../../nested.js';
import type { ShadowConfig } from './config.js';
import { mirroredConfig, numberIn, type BaseSizes } from './mirror.js';
import { layersPath, stackOf, stacks, type Stack } from './stack.js';

type Config = ModelSpec['config'];

/** A parameter of the shadow. */
export interface BackboneParam {
  /** Its key in the tree. */
  readonly key: string;
  /** Its name in files, behind `base_model.shadow_backbone.default.`. */
  readonly name: string;
  readonly shape: NamedShape[1];
  readonly trainable: boolean;
}

/** A shadow's architecture and what it needs of the base. */
export interface Backbone {
  /** The module tree, as if it were a model of its own. */
  readonly spec: ModelSpec;
  readonly params: ReadonlyArray<BackboneParam>;
  /** Widths of the shadow's hidden states and of the base's. */
  readonly width: number;
  readonly baseWidth: number;
  /** A projection leads from one to the other. */
  readonly projected: boolean;
  /** It reads the base's token embeddings instead of its own. */
  readonly shared: boolean;
}

/** The `model_type` of a small model with a projection to the width of a larger one. */
const PROJECTED = 'causal_lm_with_hidden_projection';

/** What a shadow is made of. */
interface Plan {
  readonly type: string | undefined;
  readonly config: Config;
  readonly pretrained: boolean;
  /** The file has a projection even between equal widths. */
  readonly bringsProjection: boolean;
}

const unknownType = (type: unknown): Problem =>
  unsupported(
    'adapter_config.json: peft_type',
    `a shadow of model type ${typeof type === 'string' ? type : 'unknown'}; there are shadows of ${Object.keys(stacks).join(', ')}`,
  );

/** Problems with the shadow's own config.json. */
const ofShadow = <A>(result: Result<A>): Result<A> => nestedProblems('shadow', result);

/** OPT's embeddings may have a width of their own, which its hidden states come back to behind the last layer. */
const widthProblems = ({ type, config }: Plan, width: number): ReadonlyArray<Problem> => {
  const outer = type === 'opt' ? (numberIn(config, 'word_embed_proj_dim') ?? width) : width;
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

const baseSizes = (spec: ModelSpec, stack: Stack): BaseSizes => {
  const list = `${layersPath(spec) ?? ''}.`;
  const blocks = spec.modules.filter((m) => m.name.startsWith(list));
  const numbers = blocks.map((m) => Number(m.name.slice(list.length).split('.')[0]));
  const normed = blocks.find((m) => m.kind === 'LayerNorm' || m.kind === 'RMSNorm')?.params['weight']?.[0];
  return { width: numberIn(spec.config, stack.hidden) ?? normed ?? 0, layers: Math.max(-1, ...numbers) + 1 };
};

/** What the config asks for, beside a base of known sizes. */
const planOf = (c: ShadowConfig, base: ModelSpec, stack: Stack, sizes: BaseSizes): Result<Plan> => {
  if (typeof c.shadow_model === 'string')
    return E.right({
      type: base.modelType,
      config: mirroredConfig(c, stack, base, sizes),
      pretrained: false,
      bringsProjection: false,
    });
  const { config } = c.shadow_model;
  const bringsProjection = config['model_type'] === PROJECTED;
  const own = bringsProjection ? config['shadow_model_config'] : config;
  const fields = typeof own === 'object' && own !== null ? (own as Config) : {};
  const type = fields['model_type'];
  return typeof type === 'string' && stackOf(type) !== undefined
    ? // whatever class it was saved as, no head of its own is in the file
      E.right({ type, config: { ...fields, architectures: null }, pretrained: true, bringsProjection })
    : E.left([{ ...unknownType(type), at: 'shadow/config.json: model_type' }]);
};

/** Names in files: OPT's class for pretrained models has its decoder inside. */
const prefixOf = ({ type, pretrained }: Plan): string => (pretrained && type === 'opt' ? 'decoder.' : '');

/** PEFT leaves the token embeddings of pretrained shadows as they are; those that stand unread beside the base's are not trained here. */
const isTrained = (plan: Plan, shared: boolean, spec: ModelSpec, key: string): boolean =>
  !((plan.pretrained || shared) && key === `${spec.inputEmbedding ?? ''}.weight`);

const backbone = (c: ShadowConfig, plan: Plan, baseWidth: number): Result<Backbone> => {
  const stack = stackOf(plan.type) as Stack;
  const shapes = decoderShapes[plan.type as string];
  const width = numberIn(plan.config, stack.hidden);
  if (shapes === undefined) return E.left([unknownType(plan.type)]);
  if (width === undefined)
    return ofShadow(E.left([problem(`config.json: ${stack.hidden}`, 'a number', show(plan.config[stack.hidden]))]));
  const shared = !plan.pretrained && c.share_embeddings && width === baseWidth;
  return F.pipe(
    orProblems(widthProblems(plan, width), () => plan.config),
    E.chain((config) => ofShadow(shapes(config))),
    E.bindTo('named'),
    E.bind('spec', ({ named }) =>
      specOf(plan.config, recordOf(named.map(([name, shape]) => [`${stack.path}.${name}`, shape] as const))),
    ),
    E.map(({ named, spec }) => ({
      spec,
      width,
      baseWidth,
      projected: plan.bringsProjection || width !== baseWidth,
      shared,
      // with the base's embeddings PEFT takes the shadow's own away, where they have this name
      params: named
        .filter(([name]) => !(shared && name.startsWith('embed_tokens.')))
        .map(([name, shape]) => {
          const key = `${stack.path}.${name}`;
          return { key, name: prefixOf(plan) + name, shape, trainable: isTrained(plan, shared, spec, key) };
        }),
    })),
  );
};

/**
 * The shadow of a base model. Problems: a model type that Weft has no forward pass of, sizes that do not fit each other.
 */
export const backboneOf = (c: ShadowConfig, base: ModelSpec): Result<Backbone> => {
  const stack = stackOf(base.modelType);
  if (stack === undefined) return E.left([unknownType(base.modelType)]);
  const sizes = baseSizes(base, stack);
  return E.chain((plan: Plan) => backbone(c, plan, sizes.width))(planOf(c, base, stack, sizes));
};

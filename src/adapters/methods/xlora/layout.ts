/**
 * Where X-LoRA acts: the low-rank sites of all experts side by side, and the network that gates them.
 */
import { E, F } from '../../../fp.js';
import type { ModelSpec } from '../../../models/spec.js';
import type { Shape } from '../../../ops/tensor.js';
import { all, orProblems, problem, type Problem, type Result } from '../../../problem.js';
import { routerKey } from '../../branch.js';
import type { LayoutContext } from '../../method.js';
import { unfit } from '../../module-layout.js';
import { innerLayout, nestedName, nestedProblems } from '../../nested.js';
import { hiddenSize } from '../../prompt-layout.js';
import { layoutOfParts, type Layout, type ParamSpec, type Part, type Site } from '../../site.js';
import { lora } from '../lora/lora.js';
import type { LoraDetail } from '../lora/update.js';
import { expertConfig, expertsOf, xloraWarnings, type XloraConfig } from './config.js';

/** One expert's share of a site: its number, and what LoRA knows. */
export interface Share {
  readonly expert: number;
  readonly name: string;
  readonly detail: LoraDetail;
}

/** What X-LoRA knows of a site. */
export type XloraDetail =
  | { readonly _tag: 'Router'; readonly layers: number; readonly network: number }
  | { readonly _tag: 'Gated'; readonly layer: number; readonly shares: ReadonlyArray<Share> }
  | { readonly _tag: 'Shift'; readonly share: Share };

const reason = 'every token mixes the adapters in its own way, which no single weight can hold';

/** The layout of one expert, under the names that its tensors have here. */
interface ExpertLayout {
  readonly name: string;
  readonly layout: Layout<LoraDetail>;
}

const kinds: ReadonlyArray<LoraDetail['_tag']> = ['Linear', 'Embedding', 'Bias'];

const checkedKinds = (spec: ModelSpec, layout: Layout<LoraDetail>): Result<Layout<LoraDetail>> =>
  E.map(() => layout)(
    all(
      layout.sites.map((site) => {
        const module = spec.modules.find((m) => m.name === site.module);
        return kinds.includes(site.detail._tag) || module === undefined
          ? E.right(undefined)
          : unfit(module, 'a Linear, Conv1D or Embedding: gates are of tokens');
      }),
    ),
  );

const expertLayouts = (c: XloraConfig, context: LayoutContext): Result<ReadonlyArray<ExpertLayout>> =>
  all(
    expertsOf(c).map(([name, config]) =>
      F.pipe(
        expertConfig(name, config),
        E.chain((own) =>
          nestedProblems(
            name,
            E.chain((layout: Layout) => checkedKinds(context.spec, layout as Layout<LoraDetail>))(
              innerLayout(lora, name, own, context),
            ),
          ),
        ),
        E.map((layout) => ({ name, layout })),
      ),
    ),
  );

/** Classifier layers that PEFT's own files lack. */
const lost =
  'PEFT 0.21 leaves those layers of the classifier out of its file whose number is also the name of an adapter; take them from the model in memory, model.base_model.internal_xlora_classifier.state_dict(), and save them under this name.';

/** Sizes of the network from hidden states to gates, and the number of each layer among PEFT's, which count relu and dropout. */
export const networkSizes = (
  c: XloraConfig,
  layers: number,
): ReadonlyArray<{ readonly index: number; readonly out: number; readonly in: number }> => {
  const between = c.xlora_dropout_p > 0 ? 3 : 2;
  const outputs = expertsOf(c).length * (c.layerwise_scalings ? layers : 1);
  return Array.from({ length: c.xlora_depth }, (_, i) => ({
    index: i * between,
    in: i === 0 ? (c.hidden_size ?? 0) : c.xlora_size,
    out: i === c.xlora_depth - 1 ? outputs : c.xlora_size,
  }));
};

const routerPart = (c: XloraConfig, layers: number): Part<XloraDetail> => {
  const named = networkSizes(c, layers).flatMap(({ index, out, in: inputs }, i) =>
    (
      [
        [`W${i}`, 'weight', [out, inputs]],
        [`b${i}`, 'bias', [out]],
      ] as ReadonlyArray<readonly [string, string, Shape]>
    ).map(([role, param, shape]) => ({
      role,
      param: {
        name: `base_model.internal_xlora_classifier.layers.${index}.${param}`,
        shape,
        trainable: true,
        optional: false,
        hint: lost,
      },
    })),
  );
  return {
    site: {
      key: routerKey,
      stored: [],
      module: routerKey,
      tensors: Object.fromEntries(named.map(({ role, param }) => [role, param.name])),
      detail: { _tag: 'Router', layers, network: c.xlora_depth },
    },
    params: named.map(({ param }) => param),
    algebra: 'routed',
    reason,
  };
};

/** A site of an expert, with its number and name. */
interface Shared {
  readonly expert: number;
  readonly name: string;
  readonly site: Site<LoraDetail>;
}

const shareOf = ({ expert, name, site }: Shared): Share => ({ expert, name, detail: site.detail });

/** The tensors of shares, by role and expert: `0/A`, `0/B`, `1/A`, ... */
const tensorsOf = (shares: ReadonlyArray<Shared>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    shares.flatMap(({ name, site }) =>
      Object.entries(site.tensors).map(([role, tensor]) => [nestedName(name, role), nestedName(name, tensor)] as const),
    ),
  );

const sitePart = (shares: readonly [Shared, ...Shared[]], detail: XloraDetail): Part<XloraDetail> => {
  const { site } = shares[0];
  return {
    site: { key: site.key, stored: [], module: site.module, tensors: tensorsOf(shares), detail },
    params: [],
    algebra: 'routed',
    reason,
  };
};

/** Parts of a module: its layer with all shares, and the biases of the experts' B. */
const moduleParts = (shares: ReadonlyArray<Shared>, layer: number): ReadonlyArray<Part<XloraDetail>> => {
  const [first, ...rest] = shares.filter(({ site }) => site.detail._tag !== 'Bias');
  const biases = shares.filter(({ site }) => site.detail._tag === 'Bias');
  return [
    ...(first === undefined
      ? []
      : [sitePart([first, ...rest], { _tag: 'Gated', layer, shares: [first, ...rest].map(shareOf) })]),
    ...biases.map((own) => sitePart([own], { _tag: 'Shift', share: shareOf(own) })),
  ];
};

const expertParam =
  (c: XloraConfig, name: string) =>
  (param: ParamSpec): ParamSpec => ({
    ...param,
    name: nestedName(name, param.name),
    trainable: param.trainable && c.use_trainable_adapters,
  });

const widthProblems = (c: XloraConfig, spec: ModelSpec): ReadonlyArray<Problem> => {
  const width = hiddenSize(spec);
  return width === undefined || width === c.hidden_size
    ? []
    : [
        problem(
          'adapter_config.json: hidden_size',
          `${width}, as the model has it`,
          String(c.hidden_size),
          'Without the field PEFT takes 4096.',
        ),
      ];
};

/** The layout of X-LoRA: layers are numbered in the order of the model's modules, whichever experts they have. */
export const xloraLayout = (c: XloraConfig, context: LayoutContext): Result<Layout<XloraDetail>> =>
  F.pipe(
    orProblems(widthProblems(c, context.spec), () => undefined),
    E.chain(() => expertLayouts(c, context)),
    E.map((experts) => {
      const shared = experts.flatMap(({ name, layout }, expert) =>
        layout.sites.map((site) => ({ expert, name, site })),
      );
      const modules = context.spec.modules
        .map((m) => shared.filter(({ site }) => site.module === m.name))
        .filter((shares) => shares.length > 0);
      const parts = modules.flatMap(moduleParts);
      const params = experts.flatMap(({ name, layout }) => layout.params.map(expertParam(c, name)));
      return layoutOfParts(
        [routerPart(c, modules.length), ...parts],
        [...xloraWarnings(c), ...experts.flatMap(({ name, layout }) => layout.warnings.map((w) => `${name}/${w}`))],
        params,
      );
    }),
  );

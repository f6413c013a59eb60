/**
 * EVA: A starts with the principal components of each layer's inputs, and layers whose inputs vary in more directions get
 * more of the ranks.
 *
 * Paischer et al., "One Initialization to Rule them All: Fine-tuning via Explained Variance Adaptation",
 * https://arxiv.org/abs/2410.07170
 */
import { E } from '../../fp.js';
import { matrix, tensorOfMatrix, type Matrix } from '../../ops/linalg/index.js';
import { dispose } from '../../ops/backend.js';
import { lookup, recordOf, sameShape, showShape } from '../../ops/tensor.js';
import { orProblems, problem, type Problem, type Result } from '../../problem.js';
import type { Leaf } from '../adapter.js';
import { init } from '../init.js';
import { configFields } from '../lora-leaf.js';
import type { LoraConfig } from '../methods/lora/config.js';
import { lora } from '../methods/lora/lora.js';
import type { LinearDetail } from '../methods/lora/update.js';
import { scaleRows } from '../methods/lora/factors.js';
import { minimalTargets, SHORTEN_FROM } from '../targets/minimal.js';
import { patternValues } from '../targets/rank-pattern.js';
import type { Activations } from './activations.js';
import type { Components } from './incremental-pca.js';
import { settledRanks, type EvaLayer } from './rank-budget.js';
import type { Started, StartOptions } from './started.js';

/** PEFT's EvaConfig, for what a start looks at. */
export interface EvaOptions {
  /** Directions looked at for each rank; 2 unless told. */
  readonly rho?: number;
  /** The cosine from which a direction counts as settled; 0.99 unless told. */
  readonly tau?: number;
  /** Divide each direction by the square root of its singular value. */
  readonly whiten?: boolean;
  /** Keep alpha / r where ranks move. */
  readonly adjust_scaling_factors?: boolean;
}

const inputProblems = (
  layers: ReadonlyArray<readonly [module: string, inputs: number, components: number]>,
  activations: Activations,
): ReadonlyArray<Problem> =>
  layers.flatMap(([module, inputs, components]) => {
    const at = `activations: ${module}`;
    const batches = lookup(activations, module) ?? [];
    if (batches.length === 0) return [problem(at, `batches of inputs [tokens, ${inputs}]`, 'none')];
    const wrong = batches.find((X) => X.cols !== inputs || !X.data.every(Number.isFinite));
    if (wrong !== undefined)
      return [problem(at, `finite batches [tokens, ${inputs}]`, `one ${showShape([wrong.rows, wrong.cols])}`)];
    if (components > inputs)
      return [problem(at, `at most ${inputs} directions`, `${components}`, 'Lower the rank or rho.')];
    return batches.some((X) => X.rows >= components)
      ? []
      : [problem(at, `a batch of at least ${components} tokens`, `${Math.max(...batches.map((X) => X.rows))}`)];
  });

const sameInputs = (a: Matrix | undefined, b: Matrix | undefined): boolean =>
  a !== undefined &&
  b !== undefined &&
  sameShape([a.rows, a.cols], [b.rows, b.cols]) &&
  a.data.every((x, i) => x === b.data[i]);

/** round() of Python: halves to even. */
const rounded = (x: number): number => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));

/** Layers with their inputs; one that sees what an earlier one sees shares that one's directions. */
const evaLayers = (leaf: Leaf, activations: Activations, rho: number): ReadonlyArray<EvaLayer> => {
  const layers = leaf.sites.flatMap(({ module, detail }) =>
    (detail as LinearDetail)._tag === 'Linear' ? [{ module, r: (detail as LinearDetail).r }] : [],
  );
  const first = layers.map(({ module }) =>
    layers.findIndex((l) => sameInputs(activations[l.module]?.[0], activations[module]?.[0])),
  );
  return layers.map(({ module, r }, i) => ({
    module,
    r,
    leader: (layers[Math.max(0, first[i] as number)] as { readonly module: string }).module,
    components: Math.max(...layers.flatMap((l, j) => (j === i || first[j] === first[i] ? [rounded(l.r * rho)] : []))),
    batches: activations[module] ?? [],
  }));
};

/** The config once ranks are given out: full names, and the ranks and alphas that are not the config's own. */
const configWith = (
  leaf: Leaf,
  ranks: ReadonlyMap<string, number>,
  adjust: boolean,
): Result<Readonly<Record<string, unknown>>> => {
  const c = leaf.config as LoraConfig;
  const kept = leaf.sites.filter(({ module }) => ranks.get(module) !== 0);
  const names = kept.map(({ module }) => module);
  const others = leaf.spec.modules.map((m) => m.name).filter((name) => !names.includes(name));
  return E.map((alphas: (name: string) => number | undefined) => {
    const given = kept.map(({ module, detail }) => {
      const { r } = detail as LinearDetail;
      const rank = ranks.get(module) ?? r;
      return { module, rank, alpha: (alphas(module) ?? c.lora_alpha) * (adjust ? rank / r : 1) };
    });
    return {
      ...configFields(c),
      target_modules: names.length >= SHORTEN_FROM ? minimalTargets(names, others) : names,
      exclude_modules: null,
      layers_to_transform: null,
      layers_pattern: null,
      rank_pattern: Object.fromEntries(given.flatMap((g) => (g.rank === c.r ? [] : [[g.module, g.rank]]))),
      alpha_pattern: Object.fromEntries(given.flatMap((g) => (g.alpha === c.lora_alpha ? [] : [[g.module, g.alpha]]))),
    };
  })(patternValues(c.alpha_pattern, 'alpha_pattern'));
};

/** The first rows of the directions, each over the square root of its singular value where asked. */
const startOf = ({ directions, singularValues }: Components, r: number, whiten: boolean): Matrix => {
  const rows = matrix(r, directions.cols, Float64Array.from(directions.data.slice(0, r * directions.cols)));
  return whiten
    ? scaleRows(
        rows,
        singularValues.map((s) => 1 / Math.sqrt(s)),
      )
    : rows;
};

/**
 * A LoRA adapter whose A holds the principal components of its layer's inputs, with B = 0 and the base as it is.
 *
 * The sum of the ranks stays; layers whose inputs need fewer directions give some to others, and those that are left with
 * none lose their adapter. Batches are gone through again and again until the directions settle.
 *
 * Problems: those of the config, layers without inputs or with inputs of another width, batches with fewer tokens than
 * directions, directions that do not settle.
 *
 * @param config fields of LoraConfig; `eva_config` gives the options
 */
export const evaInit = async (
  config: Readonly<Record<string, unknown>>,
  options: StartOptions,
  activations: Activations,
): Promise<Result<Started>> => {
  const {
    rho = 2,
    tau = 0.99,
    whiten = false,
    adjust_scaling_factors: adjust = true,
  } = (config['eva_config'] ?? {}) as EvaOptions;
  const plain = init(lora, { ...config, init_lora_weights: 'eva' }, options);
  if (E.isLeft(plain)) return plain;
  const layers = evaLayers(plain.right, activations, rho);
  const widths = new Map(
    plain.right.sites.map((s) => [s.module, plain.right.params[s.tensors['A'] as string]?.shape[1]]),
  );
  dispose(plain.right.params);
  const checked = orProblems(
    inputProblems(
      layers.map((l) => [l.module, widths.get(l.module) ?? 0, l.components] as const),
      activations,
    ),
    () => layers,
  );
  if (E.isLeft(checked)) return checked;
  const settled = await settledRanks(layers, tau);
  if (E.isLeft(settled)) return settled;
  const { ranks, components } = settled.right;
  const leaf = E.chain((given: Readonly<Record<string, unknown>>) => init(lora, given, options))(
    configWith(plain.right, ranks, adjust),
  );
  if (E.isLeft(leaf)) return leaf;
  const starts = leaf.right.sites.flatMap((site) => {
    const found = components.get(site.module);
    const name = site.tensors['A'] as string;
    const r = ranks.get(site.module) ?? 0;
    return found === undefined ? [] : [[name, tensorOfMatrix(startOf(found, r, whiten))] as const];
  });
  starts.forEach(([name]) => leaf.right.params[name]?.dispose());
  return E.right({
    adapter: { ...leaf.right, params: recordOf([...Object.entries(leaf.right.params), ...starts]) },
    residual: options.weights,
  });
};

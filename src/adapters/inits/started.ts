/**
 * Starts of LoRA that change the base: the adapter, and the residual base that it belongs to, as values.
 */
import { E } from '../../fp.js';
import { scope } from '../../ops/backend.js';
import { matrixOf, tensorOfMatrix, transposed, type Matrix } from '../../ops/linalg/index.js';
import { lookup, recordOf, type Tensor, type Weights } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { all, fail, type Result } from '../../problem.js';
import type { Leaf } from '../adapter.js';
import { decompositionWarnings, weightShapes } from '../decomposing.js';
import { init, type InitOptions } from '../init.js';
import type { Factors } from '../methods/lora/factors.js';
import { lora } from '../methods/lora/lora.js';
import type { LinearDetail, LinearForm } from '../methods/lora/update.js';
import type { Site } from '../site.js';
import { lowRank } from '../update.js';
import { applyUpdate, normsOf } from '../updates/apply.js';

/**
 * An adapter at the start of its training and the base that it belongs to: forward(attach(adapter, residual)) is the model before,
 * but for what a quantisation leaves out.
 *
 * `adapter` is plain LoRA (`init_lora_weights: true`), to be saved and loaded beside a saved `residual`. The caller owns its
 * parameters and those tensors of `residual` that `weights` does not have.
 */
export interface Started {
  readonly adapter: Leaf;
  readonly residual: Weights;
}

/** What every start is made from; the base weights are decomposed or looked at. */
export interface StartOptions extends InitOptions {
  readonly weights: Weights;
}

/** A linear layer whose start is sought. */
export interface LinearStart {
  readonly module: string;
  /** The key of its weight. */
  readonly key: string;
  /** Its weight as [out, in]. */
  readonly W: Matrix;
  readonly r: number;
  readonly s: number;
  /** The weight is stored as [in, out]. */
  readonly transposed: boolean;
}

/** Where training starts on one layer; `base` replaces the weight, [out, in], where it is not W - s B A. */
export type Found = Factors & { readonly base?: Matrix };

const isLinear = (site: Site): site is Site<LinearDetail> => (site.detail as LinearDetail)._tag === 'Linear';

/** Forms whose A [r, in] and B [out, r] are the change's own factors. */
const plainFactors: ReadonlySet<LinearForm['_tag'] | undefined> = new Set([
  undefined,
  'Plain',
  'Compressed',
  'Sampled',
]);

const readSite = async (site: Site<LinearDetail>, weights: Weights): Promise<Result<LinearStart>> => {
  const { detail, module } = site;
  const key = site.stored[0] ?? site.key;
  const W = lookup(weights, key);
  if (W === undefined)
    return fail(`weights: ${key}`, 'the base weight, which this start takes a part of', 'no such tensor');
  if (!plainFactors.has(detail.form?._tag))
    return fail(
      'adapter_config.json',
      `dense A and B on ${module} for this start`,
      'a variant that stores them otherwise',
    );
  const stored = await matrixOf(W);
  const { r, s, transposed: turned } = detail;
  return E.right({ module, key, W: turned ? transposed(stored) : stored, r, s, transposed: turned });
};

/** The tensors of a site, and its new weight. */
const placed = (
  site: Site<LinearDetail>,
  { A, B, base }: Found,
  W: Tensor,
  params: Weights,
): { readonly params: ReadonlyArray<readonly [string, Tensor]>; readonly W: Tensor } =>
  scope(() => {
    const [a, b] = [tensorOfMatrix(A), tensorOfMatrix(B)];
    const { s, transposed: turned } = site.detail;
    const change = turned ? lowRank(tf.transpose(a), tf.transpose(b), s) : lowRank(b, a, s);
    const given = base === undefined ? undefined : tensorOfMatrix(turned ? transposed(base) : base);
    const left = given ?? applyUpdate({ ...change, s: -s }, W);
    const m = site.tensors['m'];
    const norms = m === undefined ? undefined : normsOf(applyUpdate(change, left), turned ? 1 : 0);
    return {
      params: [
        [site.tensors['A'] as string, a],
        [site.tensors['B'] as string, b],
        ...(m === undefined || norms === undefined ? [] : [[m, tf.reshape(norms, params[m]?.shape ?? [-1])] as const]),
      ],
      W: left,
    };
  });

/**
 * Starts a LoRA adapter whose linear layers begin where `find` says; other layers begin as LoRA's do.
 *
 * Problems: those of the config on this model, adapters that change the module tree, variants that store other factors, and
 * those of `find`.
 *
 * @param config fields of LoraConfig; `init_lora_weights` is `find`'s affair
 * @param how.exact `find` decomposes whole weights, which is told of where it takes long
 */
export const startFrom = async (
  config: Readonly<Record<string, unknown>>,
  options: StartOptions,
  find: (layer: LinearStart) => Promise<Result<Found>>,
  { exact = false }: { readonly exact?: boolean } = {},
): Promise<Result<Started>> => {
  const { onProgress, ...quick } = options;
  const leaf = init(lora, { ...config, init_lora_weights: true }, quick);
  if (E.isLeft(leaf)) return leaf;
  const { weights } = options;
  if (leaf.right.change !== undefined)
    return fail('adapter_config.json', 'an adapter that keeps the module tree', 'one that changes it');
  const sites = leaf.right.sites.filter(isLinear);
  if (exact)
    decompositionWarnings(weightShapes(leaf.right.spec, sites)).forEach((warning) => options.onWarning?.(warning));
  const found: Result<readonly [Site<LinearDetail>, string, Found]>[] = [];
  for (const site of sites) {
    const layer = await readSite(site, weights);
    const start = E.isLeft(layer) ? layer : await find(layer.right);
    found.push(E.isLeft(layer) ? layer : E.map((f: Found) => [site, layer.right.key, f] as const)(start));
    onProgress?.({ module: site.module, done: found.length, total: sites.length });
  }
  const starts = all(found);
  if (E.isLeft(starts)) {
    tf.dispose(Object.values(leaf.right.params));
    return starts;
  }
  const changed = starts.right.map(
    ([site, key, f]) => [key, placed(site, f, weights[key] as Tensor, leaf.right.params)] as const,
  );
  const params = recordOf(changed.flatMap(([, site]) => site.params));
  Object.keys(params).forEach((name) => leaf.right.params[name]?.dispose());
  return E.right({
    adapter: { ...leaf.right, params: recordOf([...Object.entries(leaf.right.params), ...Object.entries(params)]) },
    residual: recordOf([...Object.entries(weights), ...changed.map(([key, { W }]) => [key, W] as const)]),
  });
};

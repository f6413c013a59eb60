/**
 * Adapters that belong to a residual base (PiSSA, OLoRA, KaSA, CorDA, LoRA-GA) as plain LoRA on the base itself.
 */
import { E } from '../fp.js';
import { currentBackend, scope } from '../ops/backend.js';
import { lookup, recordOf, type Tensor, type Weights } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import { all, fail, type Result } from '../problem.js';
import type { Leaf } from './adapter.js';
import { isAuxiliary } from './auxiliary.js';
import { configFields, loraLeaf } from './lora-leaf.js';
import type { LoraConfig } from './methods/lora/config.js';
import { lora } from './methods/lora/lora.js';
import { denseFactors, type LoraDetail } from './methods/lora/update.js';
import type { Site } from './site.js';
import { residualFactors } from './updates/residual.js';
import { sourceIn } from './tree.js';

/** B [out, r] and A [r, in]. */
interface Pair {
  readonly B: Tensor;
  readonly A: Tensor;
}

type LoraSite = Site<LoraDetail>;

/** Whether an adapter is LoRA that takes a part of the weights out of them. */
export const hasResidual = (leaf: Leaf): boolean =>
  leaf.method === lora &&
  leaf.sites.some((s) => {
    const detail = s.detail as LoraDetail;
    return detail._tag === 'Linear' && (detail.residual ?? []).length > 0;
  });

const nothing = ({ B, A }: Pair): Pair => ({ B: tf.zerosLike(B), A: tf.zerosLike(A) });

const own = (leaf: Leaf, site: LoraSite): Pair => {
  const tensors = recordOf(
    Object.entries(site.tensors).map(([role, name]) => [role, leaf.params[name] as Tensor] as const),
  );
  const { detail } = site;
  return denseFactors(detail._tag === 'Linear' ? detail.form : undefined, tensors);
};

/** A' = [A; A0] and B' = [B | -B0] at every site: twice the rank, the same scale. */
const stacked = (
  leaf: Leaf,
  taken: (site: LoraSite, pair: Pair) => Result<Pair>,
): Result<ReadonlyArray<readonly [string, Tensor]>> =>
  E.map((entries: ReadonlyArray<ReadonlyArray<readonly [string, Tensor]>>) => entries.flat())(
    all(
      (leaf.sites as ReadonlyArray<LoraSite>).map((site): Result<ReadonlyArray<readonly [string, Tensor]>> => {
        if (isAuxiliary(site) || site.detail._tag === 'Bias')
          return E.right(Object.values(site.tensors).map((name) => [name, tf.clone(leaf.params[name] as Tensor)]));
        const pair = own(leaf, site);
        return E.map((out: Pair): ReadonlyArray<readonly [string, Tensor]> => [
          [site.tensors['A'] as string, tf.concat([pair.A, out.A], 0)],
          [site.tensors['B'] as string, tf.concat([pair.B, tf.neg(out.B)], 1)],
        ])(taken(site, pair));
      }),
    ),
  );

const times = (values: Readonly<Record<string, number>>, c: number) =>
  Object.fromEntries(Object.entries(values).map(([name, x]) => [name, c * x]));

/** The config at twice the rank with s as it was, without what took a part out of the base. */
const doubled = (leaf: Leaf): Readonly<Record<string, unknown>> => {
  const c = leaf.config as LoraConfig;
  const grown = c.use_rslora ? Math.SQRT2 : 2;
  return {
    ...configFields(c),
    r: 2 * c.r,
    lora_alpha: grown * c.lora_alpha,
    rank_pattern: times(c.rank_pattern, 2),
    alpha_pattern: times(c.alpha_pattern, grown),
    init_lora_weights: true,
    kasa_config: null,
    monteclora_config: null,
    use_bdlora: null,
    use_qalora: false,
    velora_config: null,
  };
};

const converted = (leaf: Leaf, taken: (site: LoraSite, pair: Pair) => Result<Pair>): Result<Leaf> => {
  const c = leaf.config as LoraConfig;
  if (leaf.method !== lora) return fail('adapter', 'a LoRA adapter', leaf.method.peftType);
  if (c.use_dora || leaf.algebra === 'routed' || c.target_parameters !== null)
    return fail('adapter', 'LoRA that adds a product', c.use_dora ? 'DoRA' : leaf.reasons.join('. '));
  const tensors = scope(() => stacked(leaf, taken));
  if (E.isLeft(tensors)) return tensors;
  const made = loraLeaf(doubled(leaf), recordOf(tensors.right), leaf);
  if (E.isLeft(made)) tensors.right.forEach(([, t]) => t.dispose());
  return made;
};

/**
 * Plain LoRA with the effect on the base of an adapter that first takes a part out of it: W - s B0 A0 + s B A = W + s [B | -B0] [A; A0].
 *
 * Exact up to rounding, at twice the rank. What the adapter takes out (PiSSA, OLoRA, KaSA) follows from the weights. The caller owns the
 * result's tensors.
 *
 * Problems: adapters that are not such, two parts at once (PiSSA with KaSA), weights that are missing, webgpu, where weights cannot
 * be decomposed synchronously.
 *
 * @param weights those of the base, or of the modules that the adapter acts on
 */
export const plainLora = (adapter: Leaf, weights: Weights): Result<Leaf> => {
  if (!hasResidual(adapter))
    return fail('adapter', 'LoRA on a residual base', 'an adapter that takes nothing out of it');
  if (currentBackend() === 'webgpu') return fail('backend', 'wasm or cpu, where weights are decomposed', 'webgpu');
  return converted(adapter, (site, pair) => {
    const { detail } = site;
    const [residual, ...more] = detail._tag === 'Linear' ? (detail.residual ?? []) : [];
    if (residual === undefined || detail._tag !== 'Linear') return E.right(nothing(pair));
    if (more.length > 0) return fail(`adapter: ${site.module}`, 'one part that is taken out', 'two');
    const key = site.stored[0] ?? site.key;
    const W = lookup(weights, sourceIn(adapter.change, key) ?? key);
    if (W === undefined)
      return fail(`weights: ${key}`, 'the base weight, which a part is taken out of', 'no such tensor');
    const { B, A } = residualFactors(adapter.likePeft ? { ...residual, transposed: false } : residual, W);
    const scaled = tf.mul(B, residual.s / detail.s);
    return E.right(detail.transposed ? { B: tf.transpose(A), A: tf.transpose(scaled) } : { B: scaled, A });
  });
};

/**
 * Plain LoRA with the effect on the base of an adapter whose residual base was W - s B0 A0: W + s [B | -B0] [A; A0].
 *
 * That is PEFT's conversion (`path_initial_model_for_weight_conversion`), for starts that only their data tells: CorDA, LoRA-GA,
 * "pissa_niter_<k>".
 *
 * Problems: adapters that are not such, or whose tensors differ in shape.
 *
 * @param initial the adapter as its training started
 */
export const plainLoraFrom = (adapter: Leaf, initial: Leaf): Result<Leaf> =>
  converted(adapter, (site, pair) => {
    if (site.detail._tag !== 'Linear') return E.right(nothing(pair));
    const names = [site.tensors['B'] as string, site.tensors['A'] as string] as const;
    const [B, A] = names.map((name) => lookup(initial.params, name));
    return B === undefined || A === undefined || B.size !== pair.B.size || A.size !== pair.A.size
      ? fail(`initial adapter: ${names[1]}`, 'factors of the same shapes', 'others, or none')
      : E.right({ B, A });
  });

/**
 * Conversion: any adapter that adds to weights as LoRA, with what that loses.
 */
import { E } from '../fp.js';
import { paramKey, type ModelSpec, type ModuleSpec } from '../models/spec.js';
import { scope } from '../ops/backend.js';
import { lookup, recordOf, type Shape, type Tensor, type Weights } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import { all, fail, problem, orProblems, type Problem, type Result } from '../problem.js';
import { leavesOf, type Adapter, type Leaf } from './adapter.js';
import { isAuxiliary, modelPrefix } from './auxiliary.js';
import { mergeable, reasonsOf } from './combine.js';
import { sourceOf, touchedKeys, updateAt } from './compile.js';
import { approximate, type Approximation, type Keep } from './low-rank-of.js';
import { configFields, loraLeaf } from './lora-leaf.js';
import type { WeightUpdate } from './update.js';
import { applyUpdate } from './updates/apply.js';
import { tensorsOf as updateTensors } from './updates/tensors.js';
import { algebraOf } from './updates/traits.js';
import { matrixView } from './updates/view.js';

/** What the conversion of one module's weight loses. */
export interface ConversionError {
  readonly module: string;
  readonly rank: number;
  /** ||D||_F of the change D. */
  readonly norm: number;
  /** ||D - s B A||_F. */
  readonly error: number;
  /** error / norm, 0 where nothing changes. */
  readonly relative: number;
}

/** A LoRA adapter in another adapter's place. */
export interface Converted {
  /** Its tensors are the caller's. */
  readonly adapter: Leaf;
  readonly errors: ReadonlyArray<ConversionError>;
}

/** Names of LoRA's factors on a module, and whether its weight is the transpose of their product. */
interface Place {
  readonly module: ModuleSpec;
  readonly turned: boolean;
  readonly A: string;
  readonly B: string;
  readonly shapes: (rank: number) => { readonly A: Shape; readonly B: Shape };
}

const placeOf = (spec: ModelSpec, key: string): Result<Place> => {
  const module = spec.modules.find((m) => paramKey(m.name, 'weight') === key);
  const [rows = 0, columns = 0, ...kernel] = module?.params['weight'] ?? [];
  const named = (A: string, B: string) => ({
    A: `${modelPrefix}${module?.name}.${A}`,
    B: `${modelPrefix}${module?.name}.${B}`,
  });
  switch (module?.kind) {
    case 'Linear':
    case 'Conv1D': {
      const turned = module.kind === 'Conv1D';
      const [out, inputs] = turned ? [columns, rows] : [rows, columns];
      const shapes = (r: number) => ({ A: [r, inputs], B: [out, r] });
      return E.right({ module, turned, shapes, ...named('lora_A.weight', 'lora_B.weight') });
    }
    case 'Embedding': {
      const shapes = (r: number) => ({ A: [r, rows], B: [columns, r] });
      return E.right({ module, turned: true, shapes, ...named('lora_embedding_A', 'lora_embedding_B') });
    }
    case 'Conv1d':
    case 'Conv2d':
    case 'Conv3d': {
      const shapes = (r: number) => ({ A: [r, columns, ...kernel], B: [rows, r, ...kernel.map(() => 1)] });
      return module.conv?.groups === 1
        ? E.right({ module, turned: false, shapes, ...named('lora_A.weight', 'lora_B.weight') })
        : fail(`adapter: ${key}`, 'a convolution with one group', 'several');
    }
    default:
      return fail(
        `adapter: ${key}`,
        'the weight of a Linear, Conv1D, Conv1d, Conv2d, Conv3d or Embedding',
        module === undefined ? 'another parameter' : `one of a ${module.kind}`,
      );
  }
};

const keepProblems = (keep: Keep, places: ReadonlyArray<Place>): ReadonlyArray<Problem> => {
  if ('energy' in keep)
    return keep.energy > 0 && keep.energy <= 1 ? [] : [problem('energy', 'a share in (0, 1]', String(keep.energy))];
  const { rank } = keep;
  if (!Number.isInteger(rank) || rank < 1) return [problem('rank', 'an integer greater than 0', String(rank))];
  return places
    .map(({ module }) => [module.name, Math.min(...matrixView(module.params['weight'] ?? []))] as const)
    .filter(([, most]) => rank > most)
    .map(([name, most]) => problem('rank', `at most ${most}, the smaller side of ${name}`, String(rank)));
};

/** Tensors that are saved beside the method's own, as far as `modules_to_save` asks for them. */
const savedTensors = (leaf: Leaf): Weights => {
  const names = leaf.sites.filter((s) => isAuxiliary(s)).flatMap((s) => Object.values(s.tensors));
  return recordOf([...new Set(names)].map((name) => [name, tf.clone(leaf.params[name] as Tensor)] as const));
};

const savedKeys = (adapter: Adapter): ReadonlySet<string> =>
  adapter._tag === 'Leaf' ? new Set(adapter.sites.filter((s) => isAuxiliary(s)).map((s) => s.key)) : new Set();

/** D of a key as a matrix in storage layout. */
const changeOf = (
  adapter: Adapter,
  key: string,
  update: WeightUpdate,
  shape: Shape,
  weights: Weights | undefined,
): Result<Tensor> => {
  const view = matrixView(shape);
  if (algebraOf(update) === 'additive')
    return E.right(scope(() => tf.reshape(applyUpdate(update, tf.zeros([...shape])), [...view])));
  const why = reasonsOf(adapter).join('. ');
  const W = weights === undefined ? undefined : lookup(weights, sourceOf(adapter, key) ?? key);
  return W === undefined
    ? fail(`weights: ${key}`, 'the base weight, which this change depends on', 'no such tensor', why)
    : E.right(scope(() => tf.reshape(tf.sub(applyUpdate(update, W), W), [...view])));
};

const factorsAt = ({ turned, shapes, A, B }: Place, found: Approximation): ReadonlyArray<readonly [string, Tensor]> =>
  scope(() => {
    const to = shapes(found.rank);
    const [left, right] = turned ? [tf.transpose(found.A), tf.transpose(found.B)] : [found.B, found.A];
    return [
      [A, tf.reshape(right, [...to.A])],
      [B, tf.reshape(left, [...to.B])],
    ] as const;
  });

/** LoRA's config: PEFT's conventions for ranks, every converted module by its full name. */
const configOf = (
  adapter: Adapter,
  keep: Keep,
  ranks: ReadonlyArray<readonly [Place, number]>,
): Readonly<Record<string, unknown>> => {
  const leaves = leavesOf(adapter);
  const from = leaves.length === 1 && leaves[0] !== undefined ? configFields(leaves[0].config) : {};
  const r = 'rank' in keep ? keep.rank : 1;
  const byName = Object.fromEntries(ranks.flatMap(([{ module }, rank]) => (rank === r ? [] : [[module.name, rank]])));
  const patterns = 'rank' in keep ? {} : Object.fromEntries(ranks.map(([{ module }, rank]) => [module.name, rank]));
  return {
    base_model_name_or_path: from['base_model_name_or_path'] ?? null,
    revision: from['revision'] ?? null,
    task_type: from['task_type'] ?? null,
    auto_mapping: from['auto_mapping'] ?? null,
    fan_in_fan_out: ranks.length > 0 && ranks.every(([{ module }]) => module.kind === 'Conv1D'),
    modules_to_save: from['modules_to_save'] ?? null,
    target_modules: ranks.map(([{ module }]) => module.name),
    r,
    lora_alpha: r,
    rank_pattern: { ...byName, ...patterns },
    alpha_pattern: { ...byName, ...patterns },
  };
};

/**
 * A LoRA adapter with about the effect of another adapter: B = U_k diag(S_k), A = V_k^T of each change's singular value
 * decomposition, with s = 1.
 *
 * With a rank, r = alpha = rank. With an energy t each module gets the smallest k with sum_{i<=k} S_i^2 >= t sum S_i^2, written as
 * `rank_pattern` and `alpha_pattern` with r = alpha = 1, as PEFT does.
 *
 * Problems: adapters that cannot merge, that replace tensors other than `modules_to_save`, that change the module tree or
 * parameters which LoRA has no place for; changes that depend on weights where none are given; ranks above a weight's
 * sides.
 *
 * @param weights base weights, for adapters whose change depends on them (DoRA, rotations, HiRA, ...)
 */
export const toLora = async (adapter: Adapter, keep: Keep, weights?: Weights): Promise<Result<Converted>> => {
  const leaves = leavesOf(adapter);
  const [first] = leaves;
  if (first === undefined) return fail('adapter', 'an adapter that changes a weight', 'none');
  const whole = mergeable(adapter);
  if (E.isLeft(whole)) return whole;
  if (leaves.some((leaf) => leaf.change !== undefined))
    return fail('adapter', 'an adapter that keeps the module tree', 'one that changes it');
  const saved = savedKeys(adapter);
  const keys = [...touchedKeys(adapter, 'attached')].filter((key) => !saved.has(key));
  const places = all(keys.map((key) => placeOf(first.spec, key)));
  const checked = E.chain((found: ReadonlyArray<Place>) => orProblems(keepProblems(keep, found), () => found))(places);
  if (E.isLeft(checked)) return checked;
  const base = weights === undefined ? undefined : (key: string) => lookup(weights, key);
  const kept = new Set(
    [...leaves.map((leaf) => leaf.params), weights ?? {}].flatMap((r) => Object.values(r).map((t) => t.id)),
  );
  // what compiling an update made goes with it
  const release = (update: WeightUpdate): void =>
    tf.dispose(updateTensors(update).filter((t) => !kept.has(t.id) && !t.isDisposed) as Tensor[]);
  const found: (readonly [Place, Approximation])[] = [];
  const problems: Problem[] = [];
  for (const [i, place] of checked.right.entries()) {
    const key = keys[i] as string;
    const update = scope(() => updateAt(adapter, key, 'attached', undefined, base));
    if (update === undefined) continue;
    const D = changeOf(adapter, key, update, place.module.params['weight'] ?? [], weights);
    if (E.isLeft(D)) problems.push(...D.left);
    else {
      found.push([place, await approximate(D.right, keep, update)]);
      D.right.dispose();
    }
    release(update);
  }
  const tensors = recordOf([
    ...found.flatMap(([place, a]) => factorsAt(place, a)),
    ...(adapter._tag === 'Leaf' ? Object.entries(savedTensors(adapter)) : []),
  ]);
  found.forEach(([, { A, B }]) => tf.dispose([A, B]));
  const leaf = E.chain((config: Readonly<Record<string, unknown>>) => loraLeaf(config, tensors, first))(
    orProblems(problems, () =>
      configOf(
        adapter,
        keep,
        found.map(([place, a]) => [place, a.rank]),
      ),
    ),
  );
  if (E.isLeft(leaf)) Object.values(tensors).forEach((t) => t.dispose());
  return E.map((converted: Leaf) => ({
    adapter: converted,
    errors: found.map(([{ module }, { rank, norm, error }]) => ({
      module: module.name,
      rank,
      norm,
      error,
      relative: norm === 0 ? 0 : error / norm,
    })),
  }))(leaf);
};

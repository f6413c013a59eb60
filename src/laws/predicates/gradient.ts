/**
 * Gradients through the unmerged forward pass.
 */
import type { Attached } from '../../adapters/attached.js';
import { specAfter } from '../../adapters/compile.js';
import { trainable, withTrainable } from '../../adapters/leaf.js';
import { lowRank, normalize, type GroupedConv, type WeightUpdate } from '../../adapters/update.js';
import { applyUpdate, normsOf } from '../../adapters/updates/apply.js';
import { offLeading } from '../../adapters/updates/split.js';
import { ownerOf, type ModelSpec } from '../../models/spec.js';
import { read, scope } from '../../ops/backend.js';
import { split, uniform, type Key } from '../../ops/random.js';
import { lookup, mapRecord, recordOf, type Tensor, type Weights } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { valueAndGrad } from '../../ops/value-and-grad.js';
import { adapterAt, law, type Subject } from '../law.js';
import { layerUses, modelUses, type LayerUse } from '../uses.js';
import { broken, fine } from '../verdict.js';

const normsBy = (u: WeightUpdate, W: Tensor, axis: 0 | 1): Tensor => tf.reshape(normsOf(applyUpdate(u, W), axis), [-1]);

/** The change that PEFT takes a grouped convolution's norm with; see the convolution layer. */
const folded = ({ A, B, s }: GroupedConv): WeightUpdate => {
  const r = A.shape[0] as number;
  return lowRank(tf.reshape(B, [-1, r]), tf.reshape(A, [r, -1]), s);
};

/**
 * An update whose norms are those of the same update at other parameters: m becomes m ||V|| / ||V0||, so that the ratio
 * m / ||V|| varies with m alone. Gradients take norms for constants, and so must the differences that check them. OSF's
 * gradients leave the leading subspaces of the weight out, and so must its moves.
 *
 * @param V the weight before this update
 * @param V0 the weight before it at the other parameters
 */
const frozen = (u: WeightUpdate, at: WeightUpdate, V: Tensor, V0: Tensor): WeightUpdate => {
  if (u._tag === 'Normalize' && at._tag === 'Normalize') {
    const inner = frozen(u.update, at.update, V, V0);
    const ratio = tf.div(normsBy(inner, V, u.axis), normsBy(at.update, V0, u.axis));
    return normalize(inner, tf.mul(tf.reshape(u.m, [-1]), ratio), u.axis);
  }
  if (u._tag === 'Split' && at._tag === 'Split') {
    const moved = offLeading({ ...u, U: tf.sub(u.U, at.U), V: tf.sub(u.V, at.V) }, V0);
    return { ...u, U: tf.add(at.U, moved.U), V: tf.add(at.V, moved.V) };
  }
  if (u._tag === 'Branch' && at._tag === 'Branch' && u.kind === 'GroupedConv' && at.kind === 'GroupedConv')
    return u.m === undefined
      ? u
      : { ...u, m: tf.mul(u.m, tf.div(normsBy(folded(u), V, 0), normsBy(folded(at), V0, 0))) };
  if (u._tag === 'Branch' && at._tag === 'Branch' && u.kind === 'Masked' && at.kind === 'Masked')
    return { ...u, update: frozen(u.update, at.update, V, V0) };
  if ((u._tag !== 'Sequence' && u._tag !== 'Sum') || (at._tag !== 'Sequence' && at._tag !== 'Sum')) return u;
  const steps = u.updates.reduce<{
    readonly parts: ReadonlyArray<WeightUpdate>;
    readonly V: Tensor;
    readonly V0: Tensor;
  }>(
    (state, part, i) => {
      const before = at.updates[i] as WeightUpdate;
      const now = frozen(part, before, state.V, state.V0);
      const dense = now._tag !== 'Branch';
      return {
        parts: [...state.parts, now],
        V: dense ? applyUpdate(now, state.V) : state.V,
        V0: dense ? applyUpdate(before, state.V0) : state.V0,
      };
    },
    { parts: [], V, V0 },
  );
  return { ...u, updates: steps.parts };
};

const frozenTo = (now: Attached, at: Attached, spec: ModelSpec): Attached => ({
  ...now,
  updates: mapRecord(now.updates, (u, key) => {
    const before = lookup(at.updates, key);
    const W = lookup(now.weights, key) ?? lookup(now.weights, ownerOf(spec, key));
    return before === undefined || W === undefined ? u : frozen(u, before, W, W);
  }),
});

/** sum over layers of <c, y>, with fixed random c. */
const lossOf = (uses: ReadonlyArray<LayerUse>, cs: ReadonlyArray<Tensor>, p: Attached): Tensor =>
  uses.map((use, i) => tf.sum(tf.mul(use.y(p), cs[i] as Tensor))).reduce((a, b) => tf.add(a, b));

const numberOf = async (f: () => Tensor): Promise<number> => (await read(scope(f)))[0] as number;

const usesOf = (s: Subject, spec: ModelSpec, keys: ReadonlyArray<string>): ReadonlyArray<LayerUse> =>
  [...layerUses(spec, s.key), ...modelUses(spec, s.key, keys)].filter((use) =>
    use.keys.some((key) => keys.includes(key)),
  );

/** Steps of the differences. Losses of LoRA's kind are polynomials of low degree, for which the coarse one is exact. */
const polynomial = [2 ** -4, 2 ** -6] as const;

/** Steps through whole models. */
const bent = [2 ** -5, 2 ** -7] as const;

/**
 * Gradients agree with finite differences along a random direction.
 *
 * Two central differences, extrapolated, are exact up to rounding for polynomials up to degree 4; the tolerance is
 * float32's rounding of the loss over the step, 10^-3 of the terms of the derivative, and how much finer steps differ.
 */
export const gradientLaw = law(
  'gradient',
  'd/dt L(attach(a + t v, w)) = <grad L, v>, norms taken for constants',
  { atMost: 'routed' },
  async (s) => {
    const a = adapterAt(s, 0);
    const params = trainable(a);
    const names = Object.keys(params);
    const start = s.operations.attach(a, s.weights);
    const spec = specAfter(a, s.base);
    const uses = usesOf(s, spec, Object.keys(start.updates));
    if (names.length === 0 || uses.length === 0) return fine;
    const bends = uses.some((use) => use.bends === true);
    const [coarse, step] = bends ? bent : polynomial;
    const keys = split(s.key, names.length + uses.length + 1);
    const cs = uses.map((use, i) => uniform(keys[i] as Key, use.y(start).shape, -1));
    // each number moves in proportion to itself, so that no norm or ratio passes through zero on the way
    const v = recordOf(
      names.map((n, i) => {
        const P = params[n] as Tensor;
        return [n, tf.mul(P, uniform(keys[uses.length + i] as Key, P.shape, -1))] as const;
      }),
    );
    const at = (p: Weights): Attached => s.operations.attach(withTrainable(a, p), s.weights);
    const { grads } = valueAndGrad((p) => lossOf(uses, cs, at(p)))(params);
    const moved = (t: number) => () =>
      lossOf(uses, cs, frozenTo(at(mapRecord(params, (P, n) => tf.add(P, tf.mul(v[n] as Tensor, t)))), start, spec));
    const central = async (h: number): Promise<number> =>
      ((await numberOf(moved(h))) - (await numberOf(moved(-h)))) / (2 * h);
    const extrapolated = async (h: number): Promise<number> => (4 * (await central(h)) - (await central(2 * h))) / 3;
    const [rough, finer] = [await extrapolated(coarse), await extrapolated(step)];
    const dot = (absolute: boolean) =>
      numberOf(() =>
        names
          .map((n) => tf.mul(grads[n] as Tensor, v[n] as Tensor))
          .map((g) => tf.sum(absolute ? tf.abs(g) : g))
          .reduce((x, y) => tf.add(x, y)),
      );
    const [slope, terms] = [await dot(false), await dot(true)];
    const size = await numberOf(() =>
      lossOf(
        uses,
        cs.map((c) => tf.sign(c)),
        start,
      ),
    );
    const scale = await numberOf(() => uses.map((use) => tf.sum(tf.abs(use.y(start)))).reduce((x, y) => tf.add(x, y)));
    // layer after layer rounds what the one before has rounded
    const rounding = (bends ? 2 ** -18 : 2 ** -20) * (scale + Math.abs(size));
    // where the two differ by more than rounding, the loss bends within a step and neither is the derivative
    const bend = Math.max(0, Math.abs(rough - finer) - (2 * rounding) / step);
    const tolerance = 1e-3 * terms + rounding / coarse + 16 * bend + 1e-6;
    const error = Math.abs(rough - slope);
    return !Number.isFinite(slope) || error <= tolerance
      ? fine
      : broken(
          `expected the derivative ${rough} by differences, found ${slope}: off by ${error}, allowed ${tolerance}`,
        );
  },
);

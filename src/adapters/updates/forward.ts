/**
 * The unmerged forward: what a layer computes with updates beside its weight, without the dense W'.
 */
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { sequence, type Branch, type ReplaceRows, type WeightUpdate } from '../update.js';
import { applyUpdate, magnitudeRatio } from './apply.js';
import { lastTokensOf, rankGates } from './gated.js';
import { residualFactors } from './residual.js';
import { alongAxis, deflation } from './turn.js';
import { asMatrix } from './view.js';

/** The branches that a layer knows of itself. */
export type LayerBranch = Exclude<Branch, { readonly kind: 'Masked' | 'Gated' | 'Tap' }>;

/** A layer as a function that is linear in its weight: x is fixed, the weight varies. */
export interface Use {
  /** y for a dense weight in storage layout, without bias. */
  readonly dense: (W: Tensor) => Tensor;
  /**
   * y + what the weight B A gives, without forming it; with gates g [n, r] or [1, r], what is between the factors is multiplied by them.
   */
  readonly addLowRank: (y: Tensor, B: Tensor, A: Tensor, g?: Tensor) => Tensor;
  /** The axis of the weight's matrix view that is the output. */
  readonly outputAxis: 0 | 1;
  /** y with its output axis multiplied by g [1, out] or [out, 1]. */
  readonly scaleOutput: (y: Tensor, g: Tensor) => Tensor;
  /** y after the weight's rows are replaced; absent where only the dense form will do. */
  readonly replaceRows?: (y: Tensor, update: ReplaceRows) => Tensor;
  /** x [n, in], where the layer tells it. */
  readonly input?: Tensor;
  /** y with a branch beside the layer; absent where the layer knows none. */
  readonly branch?: (y: Tensor, update: LayerBranch, W: Tensor) => Tensor;
}

/** The state before an update: the weight and the output with it, each formed only when an update asks for it. */
interface Before {
  readonly W: () => Tensor;
  readonly y: () => Tensor;
}

/** s A: a pass over the small factor in place of one over the output. */
const scaled = (A: Tensor, s: number): Tensor => (s === 1 ? A : tf.mul(A, s));

const step = (update: WeightUpdate, before: Before, use: Use): Tensor => {
  switch (update._tag) {
    case 'LowRank': {
      if (update.B.rank !== 2) return use.dense(applyUpdate(update, before.W()));
      return use.addLowRank(before.y(), update.B, scaled(update.A, update.s));
    }
    case 'Residual': {
      const { B, A } = residualFactors(update, asMatrix(before.W()));
      return use.addLowRank(before.y(), B, scaled(A, -update.s));
    }
    case 'Normalize':
      return update.axis === use.outputAxis
        ? use.scaleOutput(
            step(update.update, before, use),
            magnitudeRatio(update, applyUpdate(update.update, before.W())),
          )
        : use.dense(applyUpdate(update, before.W()));
    case 'ReplaceRows':
      return use.replaceRows === undefined
        ? use.dense(applyUpdate(update, before.W()))
        : use.replaceRows(before.y(), update);
    case 'Branch': {
      if (update.kind === 'Masked') {
        const y = before.y();
        const changed = step(update.update, { W: before.W, y: () => y }, use);
        const mask = lastTokensOf(update.mask, (y.shape[0] as number) / (update.mask.shape[0] as number));
        return tf.add(y, tf.mul(tf.sub(changed, y), tf.reshape(mask, [-1, 1])));
      }
      if (update.kind === 'Gated') {
        const y = before.y();
        return use.addLowRank(y, update.B, update.A, rankGates(update, y.shape[0] as number));
      }
      if (update.kind === 'Tap') throw new TypeError('a tap stands before every other update');
      if (use.branch === undefined) throw new TypeError(`this layer has no branch for ${update.kind}`);
      return use.branch(before.y(), update, before.W());
    }
    case 'Prompt':
      throw new TypeError('virtual tokens belong to the whole model, not to a layer');
    case 'Sum':
    case 'Sequence': {
      if (update.updates.length === 0) return before.y();
      const last = update.updates[update.updates.length - 1] as WeightUpdate;
      const rest = sequence(update.updates.slice(0, -1));
      return step(last, { W: () => applyUpdate(rest, before.W()), y: () => step(rest, before, use) }, use);
    }
    case 'Scale':
      return update.axis === use.outputAxis
        ? use.scaleOutput(before.y(), alongAxis(update))
        : use.dense(applyUpdate(update, before.W()));
    case 'Deflate': {
      const { B, A } = deflation(update, asMatrix(before.W()));
      return use.addLowRank(before.y(), B, A);
    }
    case 'Dense':
    case 'Hadamard':
    case 'Kronecker':
    case 'Sparse':
    case 'Modulate':
    case 'Rotate':
    case 'Reflect':
    case 'Split':
    case 'BlockAffine':
    case 'Replace':
      return use.dense(applyUpdate(update, before.W()));
  }
};

/**
 * y for the weight update(W), equal to `use.dense(applyUpdate(update, W))` but without forming W' where the update's
 * form allows it.
 */
export const forwardUpdate = (update: WeightUpdate | undefined, W: Tensor, use: Use): Tensor => {
  if (update === undefined) return use.dense(W);
  const [first, ...rest] = update._tag === 'Sequence' ? update.updates : [update];
  if (first?._tag !== 'Branch' || first.kind !== 'Tap') return step(update, { W: () => W, y: () => use.dense(W) }, use);
  if (use.input === undefined) throw new TypeError('this layer does not tell what it reads');
  first.hear(use.input);
  return forwardUpdate(rest.length === 0 ? undefined : sequence(rest), W, use);
};

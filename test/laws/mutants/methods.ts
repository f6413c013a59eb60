/** Broken methods and files. */
import type { Leaf } from '../../../src/adapters/adapter.js';
import { dense, lowRank, type WeightUpdate } from '../../../src/adapters/update.js';
import { E } from '../../../src/fp.js';
import { weft } from '../../../src/laws/index.js';
import { stopGradient } from '../../../src/ops/stop-gradient.js';
import { mapRecord, recordOf, type Tensor } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { eachPart, inLeaves, withSitesOf, withTensors, withUpdate, type Mutant } from './mutant.js';

const attaching = (change: (leaf: Leaf) => Leaf): Pick<Mutant, 'operations'> => ({
  operations: { attach: (a, w) => weft.attach(inLeaves(change)(a), w) },
});

const plainScale = withSitesOf(() => ({ use_rslora: false }));
const unscaledAlpha = withSitesOf((c) => ({ lora_alpha: 1, r: (c as { readonly r?: number }).r }));

/** The norm over the other axis, where the shapes allow it; otherwise the update as it is. */
const otherAxis = withUpdate(
  eachPart((u) => {
    if (u._tag !== 'Normalize' || u.update._tag !== 'LowRank') return u;
    const { B, A } = u.update;
    return B.shape[B.rank - 2] === A.shape[A.rank - 1] ? { ...u, axis: u.axis === 0 ? 1 : 0 } : u;
  }),
);

/** The change of a square matrix, transposed. */
const turned = (only: (leaf: Leaf) => boolean) =>
  withUpdate((update, leaf) =>
    only(leaf)
      ? eachPart((u: WeightUpdate) =>
          u._tag === 'LowRank' && u.B.rank === 2 && u.B.shape[0] === u.A.shape[1] && u.B.size > 1
            ? lowRank(tf.transpose(u.A), tf.transpose(u.B), u.s)
            : u,
        )(update)
      : update,
  );

/** Conv1D taken for Linear. */
const forgetsTranspose = (leaf: Leaf): Leaf => ({
  ...leaf,
  sites: leaf.sites.map((site) => {
    const detail = site.detail as { readonly transposed?: boolean } | undefined;
    return detail?.transposed === true ? { ...site, detail: { ...detail, transposed: false } } : site;
  }),
});

const slightlyMore = withTensors((role, X) => (role === 'B' ? tf.mul(X, 1 + 2 ** -12) : X));

export const methodMutants: ReadonlyArray<Mutant> = [
  {
    breaks: 'merged = attached',
    mistake: 'ignores rsLoRA beside the weights',
    algebra: 'additive',
    ...attaching(plainScale),
  },
  {
    breaks: 'merged = attached',
    mistake: 'takes another alpha beside the weights',
    algebra: 'additive',
    ...attaching(unscaledAlpha),
  },
  {
    breaks: 'merged = attached',
    mistake: 'attaches the transposed change to square layers',
    algebra: 'additive',
    ...attaching(turned(() => true)),
  },
  {
    breaks: 'merged = attached',
    mistake: 'is off by one part in 4096 beside the weights',
    algebra: 'additive',
    ...attaching(slightlyMore),
  },
  {
    breaks: 'merged = attached',
    mistake: 'forgets DoRA beside the weights',
    algebra: 'dependent',
    ...attaching(withUpdate((u) => (u._tag === 'Normalize' ? u.update : u))),
  },
  {
    breaks: 'merged = attached',
    mistake: 'norms along the wrong axis beside the weights',
    algebra: 'dependent',
    ...attaching(otherAxis),
  },
  {
    breaks: 'layout',
    mistake: 'takes Conv1D for Linear',
    algebra: 'additive',
    operations: { apply: (a, w) => weft.apply(inLeaves(forgetsTranspose)(a), w) },
  },
  {
    breaks: 'layout',
    mistake: 'transposes the change of square layers, whatever their layout',
    algebra: 'additive',
    operations: {
      apply: (a, w) => weft.apply(inLeaves(turned((leaf) => leaf.spec.modules.some((m) => m.kind === 'Conv1D')))(a), w),
    },
  },
  {
    breaks: 'layout',
    mistake: 'norms over rows in every layout',
    algebra: 'dependent',
    alter: withUpdate(
      eachPart((u) =>
        u._tag === 'Normalize' && u.axis === 1 && u.m.size === 1
          ? u
          : u._tag === 'Normalize' && u.axis === 1
            ? u.update
            : u,
      ),
    ),
  },
  {
    breaks: 'gradient',
    mistake: 'stops the gradient of A',
    algebra: 'additive',
    alter: withTensors((role, X) => (role === 'A' ? stopGradient(X) : X)),
  },
  {
    breaks: 'gradient',
    mistake: 'counts the gradient of B twice',
    algebra: 'additive',
    alter: withTensors((role, X) => (role === 'B' ? tf.sub(tf.mul(X, 2), stopGradient(X)) : X)),
  },
  {
    breaks: 'gradient',
    mistake: 'stops the gradient of the magnitude',
    algebra: 'dependent',
    alter: withTensors((role, X) => (role === 'm' ? stopGradient(X) : X)),
  },
  {
    breaks: 'files',
    mistake: 'writes every tensor in bfloat16',
    algebra: 'additive',
    operations: { encode: (leaf) => weft.encode({ ...leaf, dtypes: mapRecord(leaf.dtypes, () => 'BF16' as const) }) },
  },
  {
    breaks: 'files',
    mistake: 'writes the default alpha',
    algebra: 'additive',
    operations: { encode: (leaf) => weft.encode({ ...leaf, config: { ...leaf.config, lora_alpha: 8 } as never }) },
  },
  {
    breaks: 'files',
    mistake: 'loses the last tensor',
    algebra: 'routed',
    operations: {
      encode: (leaf) => weft.encode({ ...leaf, params: recordOf(Object.entries(leaf.params).slice(0, -1)) }),
    },
  },
  {
    breaks: 'files',
    mistake: 'reads tensors and forgets their storage type',
    algebra: 'additive',
    operations: {
      decode: (files, base) =>
        E.map((d: { readonly adapter: Leaf; readonly warnings: ReadonlyArray<string> }) => ({
          ...d,
          adapter: { ...d.adapter, dtypes: mapRecord(d.adapter.dtypes, () => 'F32' as const) },
        }))(weft.decode(files, base)),
    },
  },
  {
    breaks: 'honest algebra',
    mistake: 'calls DoRA additive',
    algebra: 'dependent',
    alter: (leaf) => ({ ...leaf, algebra: 'additive' }),
  },
  {
    breaks: 'honest algebra',
    mistake: 'calls a replacement additive',
    algebra: 'replacement',
    alter: (leaf) => ({ ...leaf, algebra: 'additive' }),
  },
  { breaks: 'definition', mistake: 'ignores rsLoRA', algebra: 'additive', alter: plainScale },
  { breaks: 'definition', mistake: 'takes alpha for 1', algebra: 'additive', alter: unscaledAlpha },
  {
    breaks: 'definition',
    mistake: 'ignores rank_pattern and alpha_pattern where shapes allow it',
    algebra: 'additive',
    alter: withSitesOf(() => ({ alpha_pattern: {} })),
  },
  { breaks: 'definition', mistake: 'takes Conv1D for Linear', algebra: 'additive', alter: forgetsTranspose },
  { breaks: 'definition', mistake: 'norms along the wrong axis', algebra: 'dependent', alter: otherAxis },
  {
    breaks: 'definition',
    mistake: 'forgets the magnitude',
    algebra: 'dependent',
    alter: withUpdate((u) => (u._tag === 'Normalize' ? u.update : u)),
  },
  {
    breaks: 'definition',
    mistake: 'counts the out-projection of an attention once',
    algebra: 'additive',
    alter: withUpdate((u) => (u._tag === 'Sequence' ? (u.updates[0] as WeightUpdate) : u)),
  },
  {
    breaks: 'definition',
    mistake: 'packs the experts of A and B alike',
    algebra: 'additive',
    alter: withUpdate((u) => (u._tag === 'LowRank' && u.B.rank === 3 ? lowRank(repacked(u.B), u.A, u.s) : u)),
  },
  {
    breaks: 'definition',
    mistake: 'forgets the scale of the bias',
    algebra: 'additive',
    alter: withUpdate((u) => (u._tag === 'Dense' ? dense(u.delta) : u)),
  },
];

/** B's columns in the order of A's rows. */
function repacked(B: Tensor): Tensor {
  const [E3, m, r] = B.shape as [number, number, number];
  const flat = tf.reshape(tf.transpose(B, [1, 2, 0]), [m, E3, r]);
  return tf.transpose(flat, [1, 0, 2]);
}

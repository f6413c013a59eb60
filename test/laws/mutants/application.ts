/** Broken `apply`, `attach` and `applyAt`. */
import type { Adapter } from '../../../src/adapters/adapter.js';
import { weft, type Operations } from '../../../src/laws/index.js';
import { mapRecord, recordOf, type Weights } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { startOf } from '../../../src/laws/base.js';
import type { Mutant } from './mutant.js';

type Apply = Operations['apply'];

const applying = (apply: Apply): { readonly operations: Partial<Operations> } => ({ operations: { apply } });

/** Keys whose tensor is another one than the base's. */
const changed = (adapter: Adapter, weights: Weights, merged: Weights): ReadonlyArray<string> => {
  const start = startOf(adapter, weights);
  return Object.keys(merged).filter((key) => merged[key] !== start[key]);
};

export const applicationMutants: ReadonlyArray<Mutant> = [
  {
    breaks: 'identity',
    mistake: 'copies every tensor, also where nothing changes',
    algebra: 'additive',
    ...applying((a, w) => mapRecord(weft.apply(a, w), (t) => tf.clone(t))),
  },
  {
    breaks: 'identity',
    mistake: 'attaches an update for nothing',
    algebra: 'additive',
    operations: {
      attach: (a, w) => ({
        ...weft.attach(a, w),
        updates: recordOf(Object.entries(w).map(([k, W]) => [k, { _tag: 'Dense', delta: tf.zerosLike(W), s: 1 }])),
      }),
    },
  },
  {
    breaks: 'neutral start',
    mistake: 'starts with both factors random',
    algebra: 'additive',
    alter: (leaf) => ({
      ...leaf,
      method: {
        ...leaf.method,
        init: (config, context) => leaf.method.init({ ...config, init_lora_weights: false }, context),
      },
    }),
  },
  {
    breaks: 'neutral start',
    mistake: 'starts DoRA with a magnitude of ones',
    algebra: 'dependent',
    alter: (leaf) => ({
      ...leaf,
      method: {
        ...leaf.method,
        init: (config, context) => {
          const started = leaf.method.init(config, context);
          return started._tag === 'Left'
            ? started
            : { ...started, right: mapRecord(started.right, (t, k) => (/magnitude/.test(k) ? tf.onesLike(t) : t)) };
        },
      },
    }),
  },
  {
    breaks: 'purity',
    mistake: 'frees the base tensors that it has replaced',
    algebra: 'additive',
    ...applying((a, w) => {
      const merged = weft.apply(a, w);
      changed(a, w, merged).forEach((key) => w[key]?.dispose());
      return merged;
    }),
  },
  {
    breaks: 'purity',
    mistake: 'writes the merged tensors into the base record',
    algebra: 'additive',
    ...applying((a, w) => Object.assign(w, weft.apply(a, w))),
  },
  {
    breaks: 'purity',
    mistake: 'leaves a tensor behind',
    algebra: 'additive',
    ...applying((a, w) => {
      tf.keep(tf.zeros([1]));
      return weft.apply(a, w);
    }),
  },
  {
    breaks: 'purity',
    mistake: 'frees the parameters of the adapter with the scope',
    algebra: 'additive',
    operations: {
      attach: (a, w) => {
        const attached = weft.attach(a, w);
        if (a._tag === 'Leaf') Object.values(a.params)[0]?.dispose();
        return attached;
      },
    },
  },
  {
    breaks: 'locality',
    mistake: 'adds a zero to the tensors that it leaves alone',
    algebra: 'additive',
    ...applying((a, w) => mapRecord(weft.apply(a, w), (t, key) => (t === w[key] ? tf.add(t, 0) : t))),
  },
  {
    breaks: 'locality',
    mistake: 'attaches to a copy of the weights',
    algebra: 'routed',
    operations: {
      attach: (a, w) => ({ ...weft.attach(a, w), weights: mapRecord(startOf(a, w), (t) => tf.clone(t)) }),
    },
  },
  {
    breaks: 'shape and dtype',
    mistake: 'loses a key',
    algebra: 'additive',
    ...applying((a, w) => recordOf(Object.entries(weft.apply(a, w)).slice(1))),
  },
  {
    breaks: 'shape and dtype',
    mistake: 'leaves tensors in their matrix view',
    algebra: 'dependent',
    ...applying((a, w) =>
      mapRecord(weft.apply(a, w), (t) => (t.rank > 2 ? tf.reshape(t, [t.shape[0] as number, -1]) : t)),
    ),
  },
  {
    breaks: 'shape and dtype',
    mistake: 'gives integers back',
    algebra: 'additive',
    ...applying((a, w) => mapRecord(weft.apply(a, w), (t) => tf.cast(t, 'int32'))),
  },
  {
    breaks: 'pointwise',
    mistake: 'applies to single tensors twice',
    algebra: 'additive',
    operations: { applyAt: (a, key, W, base) => weft.applyAt(a, key, weft.applyAt(a, key, W, base), base) },
  },
  {
    breaks: 'pointwise',
    mistake: 'forgets biases where it goes key by key',
    algebra: 'replacement',
    operations: { applyAt: (a, key, W, base) => (key.endsWith('.bias') ? W : weft.applyAt(a, key, W, base)) },
  },
  {
    breaks: 'rows',
    mistake: 'takes the first rows for every tile',
    algebra: 'additive',
    operations: { updateRows: (u, grid, block) => weft.updateRows(u, grid, { ...block, start: 0 }) },
  },
  {
    breaks: 'rows',
    mistake: 'forgets the magnitudes of a tile',
    algebra: 'dependent',
    operations: {
      updateRows: (u, grid, block) => {
        const rows = weft.updateRows(u, grid, block);
        return rows._tag === 'Normalize' ? rows.update : rows;
      },
    },
  },
];

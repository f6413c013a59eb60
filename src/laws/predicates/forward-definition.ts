/**
 * The method's own equation, where it is one of the forward pass.
 */
import type { Leaf } from '../../adapters/adapter.js';
import { updateOf, type Attached } from '../../adapters/attached.js';
import { attentionKey } from '../../adapters/branch.js';
import { promptKey, type Prompt, type WeightUpdate } from '../../adapters/update.js';
import { blockKey, shadowKey, type ShadowBlock } from '../../adapters/updates/shadow.js';
import { asHeads, swapHeads } from '../../models/layers/attention.js';
import { linear } from '../../models/layers/linear.js';
import { advance, inject } from '../../models/layers/shadow.js';
import { promptAttention } from '../../models/layers/prompt-attention.js';
import { ownerOf, paramKey, type ModelSpec, type ModuleSpec } from '../../models/spec.js';
import { split, uniform, type Key } from '../../ops/random.js';
import { lookup, mapRecord, recordOf, type Tensor, type Weights } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { startOf } from '../base.js';
import { snapshot, within, type Snapshot } from '../compare.js';
import type { Exact } from '../definitions/definition.js';
import type { ForwardDefinition } from '../definitions/forward.js';
import { law, type Law } from '../law.js';
import { samples } from '../operations.js';
import { BATCH } from '../running.js';
import { fileTensors } from './definition.js';

type Seen = readonly [name: string, tensor: Tensor];

const promptOf = (update: WeightUpdate | undefined): Prompt | undefined =>
  update?._tag === 'Sequence'
    ? update.updates.map(promptOf).find((u) => u !== undefined)
    : update?._tag === 'Prompt'
      ? update
      : undefined;

/** Virtual tokens beside the weights. */
const virtualTokens = (p: Attached): ReadonlyArray<Seen> => {
  const { soft, prefix = [] } = promptOf(updateOf(p, promptKey)) ?? {};
  return [
    ...(soft === undefined ? [] : [['soft', soft] as const]),
    ...prefix.flatMap(({ k, v }, l): ReadonlyArray<Seen> => [
      [`keys ${l}`, k],
      [`values ${l}`, v],
    ]),
  ];
};

/** The shadow's tensors beside the weights. */
const shadowTensors = (p: Attached): ReadonlyArray<Seen> => {
  const shadow = updateOf(p, shadowKey);
  if (shadow?._tag !== 'Branch' || shadow.kind !== 'Shadow') return [];
  const own = Object.entries(shadow.weights).map(([key, W]): Seen => [`shadow ${key}`, W]);
  return shadow.P === undefined ? own : [...own, ['shadow P', shadow.P]];
};

/** How a block with a shadow answers rows [h; s; y]: what it reads of h and s, and the state that s becomes by its output y. */
const shadowedBlock = (block: ShadowBlock, hsy: Tensor): Tensor => {
  const [h, s, y] = tf.unstack(hsy) as [Tensor, Tensor, Tensor];
  return tf.stack([inject(block, h, s), advance(block, y, s)]);
};

/** An input for each module with a change of its own, and how it answers: linear layers, prompted attention, shadowed blocks. */
const answers = (spec: ModelSpec, p: Attached, key: Key) => {
  const keys = split(key, spec.modules.length + 1);
  const sizes = spec.config as Readonly<Record<string, number>>;
  const groups = sizes['num_key_value_heads'] as number;
  return spec.modules.flatMap((m: ModuleSpec, i) => {
    const own = keys[i] as Key;
    if (updateOf(p, attentionKey(m.name)) !== undefined) {
      const heads = sizes['num_attention_heads'] as number;
      const q = uniform(own, [BATCH, heads, 2, (sizes['hidden_size'] as number) / heads], -1);
      const project = (name: string, x: Tensor): Tensor =>
        swapHeads(asHeads(linear(p, `${m.name}.${name}_proj`, x), groups));
      const y = promptAttention(p, m.name, q, (x) => ({ k: project('k', x), v: project('v', x) }));
      return y === undefined ? [] : [{ name: m.name, input: q, y }];
    }
    const block = updateOf(p, blockKey(m.name));
    if (block?._tag === 'Branch' && block.kind === 'ShadowBlock') {
      const hsy = uniform(own, [3, 2, sizes['hidden_size'] as number], -1);
      return [{ name: m.name, input: hsy, y: shadowedBlock(block, hsy) }];
    }
    if (m.kind !== 'Linear' || updateOf(p, paramKey(m.name, 'weight'))?._tag !== 'Branch') return [];
    const x = uniform(own, [BATCH, m.params['weight']?.[1] as number], -1);
    return [{ name: m.name, input: x, y: linear(p, m.name, x, { tiedTo: ownerOf(spec, paramKey(m.name, 'weight')) }) }];
  });
};

const exact = (s: Snapshot): Readonly<Record<string, Exact>> =>
  mapRecord(s, ({ shape, values }) => ({ shape, values: Float64Array.from(values) }));

/** What an adapter adds to the forward pass is what the method's equation says, computed in float64 from the file's tensors. */
export const forwardDefinitionLaw = (definition: (leaf: Leaf) => ForwardDefinition | undefined): Law =>
  law(
    'forward definition',
    "what attach(a, w) adds = the method's equation in float64, up to float32's rounding",
    { atMost: 'routed' },
    async (s) => {
      const [leaf] = s.leaves;
      const define = definition(leaf);
      if (define === undefined) throw new TypeError(`${leaf.method.peftType}: no equation of its forward pass`);
      const { config, spec } = leaf;
      const p = s.operations.attach(leaf, s.weights);
      const layers = answers(spec, p, s.key);
      const seen: Weights = recordOf([
        ...virtualTokens(p),
        ...shadowTensors(p),
        ...layers.map(({ name, y }): Seen => [name, y]),
      ]);
      const inputs = exact(await snapshot(recordOf(layers.map(({ name, input }): Seen => [name, input]))));
      const base = exact(await snapshot(startOf(leaf, s.weights)));
      const params = await fileTensors(leaf);
      const expected = define({ config, spec, params, base, routing: samples, inputs });
      const values: Snapshot = mapRecord(expected, ({ shape, values: v }) => ({
        shape,
        dtype: 'float32',
        values: Float32Array.from(v),
      }));
      return within(await snapshot(seen), values, {
        ulps: 1 + 2 * Math.max(0, ...Object.values(expected).map((e) => e.roundings)),
        of: (name, i) => lookup(expected, name)?.magnitude[i] ?? 0,
      });
    },
  );

/**
 * What application leaves alone: its inputs, and every tensor that is not changed.
 */
import { leavesOf } from '../../adapters/adapter.js';
import { isMergeable } from '../../adapters/combine.js';
import { adaptedKeys, touchedKeys } from '../../adapters/compile.js';
import { numTensors } from '../../ops/backend.js';
import { lookup, recordOf, sameShape, showShape, type Tensor, type Weights } from '../../ops/tensor.js';
import { startOf } from '../base.js';
import { sameBits, snapshot } from '../compare.js';
import { adapterAt, law, type Subject } from '../law.js';
import { expect, fine, together, type Finding } from '../verdict.js';

/** Weights and parameters under names that do not collide. */
const inputsOf = ({ weights, adapters }: Subject): Weights =>
  recordOf([
    ...Object.entries(weights).map(([k, t]) => [`weights ${k}`, t] as const),
    ...leavesOf(adapters[0]).flatMap((leaf, i) =>
      Object.entries(leaf.params).map(([k, t]) => [`adapter ${i} ${k}`, t] as const),
    ),
  ]);

const alive = (inputs: Weights): Finding =>
  together(
    Object.entries(inputs).map(([key, t]) => expect(!t.isDisposed, 'expected a live tensor, found it freed', key)),
  );

/** Application changes none of its inputs, and makes one tensor for each changed key and no other. */
export const purityLaw = law(
  'purity',
  'apply and attach leave w and a as they are; apply makes one tensor a changed key',
  { atMost: 'routed' },
  async (s) => {
    const { operations, weights } = s;
    const a = adapterAt(s, 0);
    const inputs = inputsOf(s);
    const before = await snapshot(inputs);
    const handles: ReadonlyArray<readonly [string, Tensor]> = Object.entries(weights);
    const start = startOf(a, weights);
    const count = numTensors();
    const merged = isMergeable(a) ? operations.apply(a, weights) : weights;
    const made = numTensors() - count;
    const changed = isMergeable(a)
      ? new Set(
          Object.keys(merged)
            .filter((k) => merged[k] !== start[k])
            .map((k) => merged[k]),
        ).size
      : 0;
    operations.attach(a, weights);
    return together([
      expect(made === changed, `expected ${changed} new tensors, found ${made}`),
      expect(
        handles.length === Object.keys(weights).length && handles.every(([k, t]) => weights[k] === t),
        'expected the same record of weights, found other tensors in it',
      ),
      alive(inputs),
      ...(alive(inputs).holds ? [sameBits(await snapshot(inputs), before)] : []),
    ]);
  },
);

/** Keys that an adapter does not name come back as the same references; it names no others. */
export const localityLaw = law(
  'locality',
  'apply(a, w)[k] is w[k] for every k outside of touchedKeys(a)',
  { atMost: 'routed' },
  async (s) => {
    const a = adapterAt(s, 0);
    const start = startOf(a, s.weights);
    const same = (result: Weights, untouched: (k: string) => boolean): ReadonlyArray<Finding> =>
      Object.keys(start)
        .filter(untouched)
        .map((key) => expect(lookup(result, key) === start[key], 'expected the same reference', key));
    const touched = touchedKeys(a);
    const merged = isMergeable(a) ? s.operations.apply(a, s.weights) : undefined;
    return together([
      ...(merged === undefined ? [] : same(merged, (k) => !touched.has(k))),
      ...same(s.operations.attach(a, s.weights).weights, () => true),
    ]);
  },
);

/** Merged weights have the keys of the adapted model, and every tensor keeps its shape and dtype. */
export const formLaw = law(
  'shape and dtype',
  'shape(apply(a, w)[k]) = shape(w[k]), dtype alike, keys those of the adapted model',
  { atMost: 'dependent' },
  async (s) => {
    const a = adapterAt(s, 0);
    if (!isMergeable(a)) return fine;
    const start = startOf(a, s.weights);
    const merged = s.operations.apply(a, s.weights);
    const keys = adaptedKeys(a, Object.keys(s.weights));
    return together([
      expect(
        keys.toSorted().join('\0') === Object.keys(merged).toSorted().join('\0'),
        `expected the keys ${keys.join(', ')}, found ${Object.keys(merged).join(', ')}`,
      ),
      ...Object.entries(start).map(([key, W]) => {
        const V = lookup(merged, key);
        return expect(
          V !== undefined && sameShape(V.shape, W.shape) && V.dtype === W.dtype,
          `expected ${W.dtype} ${showShape(W.shape)}, found ${V === undefined ? 'nothing' : `${V.dtype} ${showShape(V.shape)}`}`,
          key,
        );
      }),
    ]);
  },
);

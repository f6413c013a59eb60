/**
 * The method's own equation.
 */
import type { Leaf } from '../../adapters/adapter.js';
import { lookup, mapRecord, recordOf, type Weights } from '../../ops/tensor.js';
import type { Definition, Exact } from '../definitions/definition.js';
import { changeAt, startOf } from '../base.js';
import { snapshot, within, type Snapshot } from '../compare.js';
import { law, type Law, type Subject } from '../law.js';
import { roundingsOf } from '../magnitude.js';
import { fine } from '../verdict.js';

const exactOf = (s: Snapshot): Readonly<Record<string, Exact>> =>
  mapRecord(s, ({ shape, values }) => ({ shape, values: Float64Array.from(values) }));

/** The tensors of a leaf's file, integers as numbers. */
export const fileTensors = async (leaf: Leaf): Promise<Readonly<Record<string, Exact>>> => ({
  ...exactOf(await snapshot(leaf.params)),
  ...mapRecord(leaf.indices, ({ shape, values }) => ({ shape, values: Float64Array.from(values) })),
});

const roundings = (leaf: Leaf, weights: Weights, start: Weights): number => {
  const of = Object.entries(start).map(([key, W]) => roundingsOf(changeAt(leaf, weights, key), W.shape));
  return Math.max(0, ...of.filter(Number.isFinite));
};

/** Merged weights are what the method's equation says, computed in float64 from the file's tensors. */
export const definitionLaw = (definition: (leaf: Leaf) => Definition | undefined): Law =>
  law(
    'definition',
    "apply(a, w) = the method's equation in float64, up to float32's rounding",
    { atMost: 'dependent' },
    async (s: Subject) => {
      const [leaf] = s.leaves;
      const define = definition(leaf);
      if (define === undefined) return fine;
      const start = startOf(leaf, s.weights);
      const [base, params] = [exactOf(await snapshot(start)), await fileTensors(leaf)];
      const { config, spec } = leaf;
      const expected = mapRecord(base, (W, key) => define({ config, spec, params, key, W, base }));
      const merged = await snapshot(s.operations.apply(leaf as Parameters<typeof s.operations.apply>[0], s.weights));
      const values: Snapshot = recordOf(
        Object.entries(expected).map(([key, e]) => [
          key,
          { shape: e.shape, dtype: 'float32', values: Float32Array.from(e.values) },
        ]),
      );
      const own = Math.max(0, ...Object.values(expected).map((e) => e.roundings));
      return within(merged, values, {
        ulps: 1 + 2 * Math.max(own, roundings(leaf, s.weights, start)),
        of: (key, i) => lookup(expected, key)?.magnitude[i] ?? 0,
      });
    },
  );

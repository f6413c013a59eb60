/**
 * Subjects of laws as plain data, and the tensors of them.
 */
import * as fc from 'fast-check';
import type { Adapter, Leaf } from '../../adapters/adapter.js';
import { compose, scale, sum } from '../../adapters/combine.js';
import { decodeTensors } from '../../adapters/decode.js';
import { makeLeaf } from '../../adapters/leaf.js';
import type { Algebra } from '../../adapters/updates/traits.js';
import type { ModelSpec } from '../../models/spec.js';
import { matrixView } from '../../adapters/updates/view.js';
import { E } from '../../fp.js';
import { parameters } from '../../models/spec.js';
import { tensorOf } from '../../ops/backend.js';
import { decodeFloats, encodeFloats, type DType } from '../../ops/dtype.js';
import { key } from '../../ops/random.js';
import { recordOf, sizeOf, type Weights } from '../../ops/tensor.js';
import { renderProblems } from '../../problem.js';
import type { Subject } from '../law.js';
import { weft, type Operations } from '../operations.js';
import { adapterData, type AdapterData, type DrawOptions } from './adapters.js';
import { seed } from './dimensions.js';
import type { MethodArbitrary } from './methods.js';
import { modelSpec } from './models.js';
import { drawAwake } from './values.js';

/** A subject without tensors. */
export interface SubjectData {
  readonly base: ModelSpec;
  /** Seed and storage type of the base weights. */
  readonly weights: { readonly seed: number; readonly dtype: DType } & DrawOptions;
  readonly adapters: ReadonlyArray<AdapterData>;
  /** The expression around each leaf, where its algebra and the model allow it. */
  readonly around: ReadonlyArray<Around>;
  readonly seed: number;
}

/** Expressions with one leaf in them. */
const expressions = {
  leaf: (a: Additive): Additive => a,
  scaled: (a: Additive): Additive => scale(-0.75, a),
  summed: (a: Additive): Additive => sum(a, scale(0.5, a)),
  composed: (a: Additive): Additive => compose(scale(2, a), a),
};
type Additive = Adapter<'additive'>;

/** An expression around a leaf. */
export type Around = keyof typeof expressions;

/** The expression; the leaf itself where what was drawn is not additive or changes the module tree. */
const wrapped = (leaf: Leaf, { layout, tree }: AdapterData, around: Around): Adapter =>
  layout.algebra === 'additive' && tree.change === undefined ? expressions[around](leaf as Leaf<'additive'>) : leaf;

/** The model that an adapter makes, as the next one sees it. */
const afterData = (base: ModelSpec, data: AdapterData): ModelSpec =>
  data.tree.change === undefined ? base : data.tree.spec;

/** `n` adapters, each for the model that the ones before it make. */
const chain = (
  from: MethodArbitrary,
  base: ModelSpec,
  atMost: Algebra,
  n: number,
  options: DrawOptions,
): fc.Arbitrary<ReadonlyArray<AdapterData>> =>
  n === 0
    ? fc.constant([])
    : adapterData(from, base, atMost, options).chain((first) =>
        chain(from, afterData(base, first), atMost, n - 1, options).map((rest) => [first, ...rest]),
      );

/**
 * Subjects with `arity` adapters of one method, whose targets overlap: every model has modules that most adapters share.
 *
 * @param spec models to draw from
 */
export const subjectData = (
  from: MethodArbitrary,
  atMost: Algebra,
  arity: number,
  options: DrawOptions & { readonly spec?: fc.Arbitrary<ModelSpec> } = {},
): fc.Arbitrary<SubjectData> =>
  (options.spec ?? from.models ?? modelSpec).chain((base) =>
    fc.record({
      base: fc.constant(base),
      weights: fc.record({
        seed,
        dtype: fc.constantFrom<DType>('F32', 'BF16', 'F16'),
        normal: fc.constant(options.normal === true),
      }),
      adapters: chain(from, base, atMost, arity, options),
      around: fc.array(fc.constantFrom<Around>('leaf', 'leaf', 'scaled', 'summed', 'composed'), {
        minLength: arity,
        maxLength: arity,
      }),
      seed,
    }),
  );

const weightsOf = ({ base, weights: { seed: start, dtype, normal } }: SubjectData): Weights =>
  recordOf(
    parameters(base).map(([name, shape], i) => {
      const [rows, columns] = matrixView(shape);
      const draw = { seed: (start + i * 104729) % 2 ** 31, scale: 1, normal: normal === true };
      const values = decodeFloats(dtype, encodeFloats(dtype, drawAwake(draw, rows, columns)));
      return [name, tensorOf(values.subarray(0, sizeOf(shape)), shape)] as const;
    }),
  );

const leafOf = ({ from, config, tree, layout, tensors }: AdapterData): Leaf => {
  const decoded = decodeTensors(layout, tensors);
  if (E.isLeft(decoded)) throw new TypeError(`${from.method.peftType}: ${renderProblems(decoded.left)}`);
  return makeLeaf({ method: from.method, config, ...tree, layout, ...decoded.right });
};

/** What is put on trial instead of Weft's own. */
export interface Trial {
  readonly operations?: Partial<Operations>;
  /** Another leaf in each leaf's place. */
  readonly alter?: (leaf: Leaf) => Leaf;
}

/** The tensors of a subject, on the current backend; the caller frees them. */
export const realise = (data: SubjectData, { operations = {}, alter = (leaf) => leaf }: Trial = {}): Subject => {
  const leaves = data.adapters.map(leafOf).map(alter);
  const [first, ...rest] = leaves;
  const [a, ...others] = leaves.map((leaf, i) =>
    wrapped(leaf, data.adapters[i] as AdapterData, data.around[i] ?? 'leaf'),
  );
  if (first === undefined || a === undefined) throw new TypeError('a subject has one adapter at least');
  return {
    base: data.base,
    weights: weightsOf(data),
    adapters: [a, ...others],
    leaves: [first, ...rest],
    key: key(data.seed),
    operations: { ...weft, ...operations },
  };
};

/** A subject in words: modules with kinds and shapes, and configs. */
export const showSubject = (data: SubjectData): string =>
  [
    ...data.base.modules
      .filter((m) => Object.keys(m.params).length > 0)
      .map(
        (m) =>
          `${m.name}: ${m.kind} ${JSON.stringify(m.params)}${m.conv === undefined ? '' : ` ${JSON.stringify(m.conv)}`}`,
      ),
    ...data.base.ties.map(([alias, owner]) => `${alias} = ${owner}`),
    `weights: ${JSON.stringify(data.weights)}, seed ${data.seed}`,
    ...data.adapters.map((a, i) => `${data.around[i]} ${a.from.method.peftType} ${JSON.stringify(a.json)}`),
  ].join('\n');

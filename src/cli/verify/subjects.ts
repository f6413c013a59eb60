/**
 * What the laws are checked on: the adapters of a command line with the base's weights, a few modules at a time.
 */
import { leavesOf, type Adapter, type Leaf } from '../../adapters/adapter.js';
import { compose } from '../../adapters/combine.js';
import { E } from '../../fp.js';
import type { OpenModel } from '../../io/model.js';
import type { Subject } from '../../laws/law.js';
import { weft } from '../../laws/operations.js';
import { fileKeyOf, ownerOf, parameters, type ModelSpec } from '../../models/spec.js';
import { tensorOf } from '../../ops/backend.js';
import { decodeFloats, isComputable } from '../../ops/dtype.js';
import { key as keyOf, type Key } from '../../ops/random.js';
import { recordOf, type Tensor, type Weights } from '../../ops/tensor.js';
import { fail, type Result } from '../../problem.js';
import { focusAdapter, focusBase, type Group } from './focus.js';

/** The inputs of layers are drawn from this seed, so that two runs agree. */
const SEED = 20;

const key: Key = keyOf(SEED);

/** The first adapter and the rest of a composition; an adapter alone stands for both. */
const halves = (adapter: Adapter): readonly [Adapter, ...Adapter[]] =>
  adapter._tag === 'Compose' ? [adapter.adapters[0] as Adapter, compose(...adapter.adapters.slice(1))] : [adapter];

/** A subject for laws about one adapter, which is all of them as one, or about two. */
export const subjectOf = (adapter: Adapter, base: ModelSpec, weights: Weights, arity: number): Subject => ({
  base,
  weights,
  adapters: arity === 1 ? [adapter] : halves(adapter),
  leaves: leavesOf(adapter) as unknown as readonly [Leaf, ...Leaf[]],
  key,
  operations: weft,
});

const readTensor = async ({ checkpoint }: OpenModel, name: string): Promise<Result<Tensor>> => {
  const stored = checkpoint.tensors.get(name);
  if (stored === undefined)
    return fail(
      `${checkpoint.name}: ${name}`,
      'a tensor that the adapter changes',
      'no such tensor',
      'Is this its base model?',
    );
  if (!isComputable(stored.dtype))
    return fail(`${checkpoint.name}: ${name}`, 'a type that Weft computes with', stored.dtype);
  return E.map((bytes: Uint8Array) => tensorOf(decodeFloats(stored.dtype, bytes), stored.shape))(
    await checkpoint.read(name),
  );
};

/** The adapter and the base on one group of modules; the caller frees the weights. */
export const focusOn = async (adapter: Adapter, model: OpenModel, group: Group) => {
  const base = focusBase(adapter, model.spec, group.keys);
  const entries: (readonly [string, Tensor])[] = [];
  for (const k of new Set([...base.keys].map((source) => ownerOf(model.spec, source)))) {
    const tensor = await readTensor(model, fileKeyOf(model.spec, k));
    if (E.isLeft(tensor)) {
      entries.forEach(([, t]) => t.dispose());
      return tensor;
    }
    entries.push([k, tensor.right]);
  }
  return E.right({ adapter: focusAdapter(adapter, group.keys), base: base.spec, weights: recordOf(entries) });
};

/** Every parameter of the base: those given, and one number in place of each other, for laws that look at no value. */
export const withStandIns = (base: ModelSpec, real: Weights): Weights =>
  recordOf([
    ...Object.entries(real),
    ...parameters(base).flatMap(([k]) =>
      Object.hasOwn(real, k) ? [] : [[k, tensorOf(new Float32Array(1), [1])] as const],
    ),
  ]);

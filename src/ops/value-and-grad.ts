/**
 * Reverse-mode differentiation over records of parameters.
 *
 * Unlike `tf.valueAndGrads`, it frees saved tensors and cotangents as soon as the backward pass is through with them,
 * gives zeros for parameters that are not used, and can be nested.
 */
import { releaseSaved, record, type TapeNode } from './tape.js';
import { mapRecord, sameShape, showShape, type Tensor, type Weights } from './tensor.js';
import { tf } from './tf.js';

/** A scalar value and its gradients, keyed as the parameters. */
export interface ValueAndGrad {
  readonly value: Tensor;
  readonly grads: Weights;
}

/** Cotangents (dy/dt) by tensor id. */
type Cotangents = Map<number, Tensor>;

/** Names of the node's inputs that depend on parameters. */
const activeInputs = (node: TapeNode, active: ReadonlySet<number>): ReadonlyArray<string> =>
  Object.keys(node.inputs).filter((name) => {
    const input = node.inputs[name];
    return input != null && active.has(input.id);
  });

/** Ids of all tensors that depend on parameters; `seeds` are the parameters' own. */
const reachable = (tape: ReadonlyArray<TapeNode>, seeds: ReadonlyArray<number>): ReadonlySet<number> => {
  const active = new Set(seeds);
  for (const node of tape) {
    if (activeInputs(node, active).length > 0) node.outputs.forEach((t) => active.add(t.id));
  }
  return active;
};

/** Adds `dx` to what has been gathered for `x`; both summands are freed. */
const accumulate = (cotangents: Cotangents, x: Tensor, dx: Tensor): void => {
  const before = cotangents.get(x.id);
  cotangents.set(x.id, before === undefined ? dx : tf.add(before, dx));
  if (before !== undefined) tf.dispose([before, dx]);
};

/** Pulls the cotangents of a node's outputs back to its inputs and frees them. */
const pullBack = (node: TapeNode, active: ReadonlySet<number>, cotangents: Cotangents): void => {
  const names = activeInputs(node, active);
  const dys = node.outputs.map((t) => cotangents.get(t.id));
  if (names.length === 0 || dys.every((dy) => dy === undefined)) return;
  const { gradient } = node;
  if (gradient === undefined) throw new Error(`no gradient is registered for ${node.kernelName}`);
  const dxs = tf.tidy(() => {
    const rules = gradient(dys);
    return names.map((name) => {
      const dx = rules[name]?.();
      if (dx === undefined) throw new Error(`the gradient of ${node.kernelName} has no input ${name}`);
      return dx;
    });
  });
  names.forEach((name, i) => {
    const [x, dx] = [node.inputs[name] as Tensor, dxs[i] as Tensor];
    if (!sameShape(x.shape, dx.shape)) {
      const shapes = `${showShape(dx.shape)} for ${showShape(x.shape)}`;
      throw new Error(`the gradient of ${node.kernelName} has a wrong shape at input ${name}: ${shapes}`);
    }
    accumulate(cotangents, x, dx);
  });
  node.outputs.forEach((t) => cotangents.delete(t.id));
  tf.dispose(dys.filter((dy) => dy !== undefined));
};

/**
 * Value and gradients of a scalar function: `value = f(params)`, `grads[k] = d f(params) / d params[k]`.
 *
 * `f` receives aliases of the parameters, so two keys that hold one tensor get their own gradients. Gradients are
 * taken with respect to `params` only, in float32, and have the parameters' shapes; unused parameters get zeros.
 * Applied inside another `valueAndGrad` it gives second-order gradients, for operations whose rules allow it.
 * The caller owns `value` and `grads`; everything else that `f` makes is freed.
 *
 * @throws when `f` does not return a single number, or uses an operation without a gradient
 */
export const valueAndGrad =
  (f: (params: Weights) => Tensor) =>
  (params: Weights): ValueAndGrad =>
    tf.tidy(() => {
      const inputs = mapRecord(params, (p) => tf.clone(p));
      const { value, tape, nested } = record(() => tf.tidy(() => tf.clone(f(inputs))));
      const release = (nodes: ReadonlyArray<TapeNode>): void => (nested ? undefined : releaseSaved(nodes));
      try {
        if (value.size !== 1) throw new RangeError(`gradients are of a scalar, found shape ${showShape(value.shape)}`);
        const active = reachable(
          tape,
          Object.values(inputs).map((t) => t.id),
        );
        const cotangents: Cotangents = new Map([[value.id, tf.fill(value.shape, 1)]]);
        for (const node of tape.toReversed()) {
          pullBack(node, active, cotangents);
          release([node]);
        }
        return { value, grads: mapRecord(inputs, (p) => cotangents.get(p.id) ?? tf.fill(p.shape, 0)) };
      } finally {
        release(tape);
      }
    }) as ValueAndGrad;

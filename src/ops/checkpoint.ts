/**
 * Gradient checkpointing (Chen et al., arXiv 1604.06174): memory for time.
 */
import { scope } from './backend.js';
import { pullBack } from './pull-back.js';
import { followed, isFollowed, listen, recordNode, unrecorded, type Listener } from './tape.js';
import { showShape, type Tensor } from './tensor.js';
import { tf } from './tf.js';
import { mapTensors, tensorsIn } from './tree.js';

/** Each tensor once, by its id. */
const distinct = (ts: ReadonlyArray<Tensor>): ReadonlyArray<Tensor> => [
  ...new Map(ts.map((t) => [t.id, t] as const)).values(),
];

/** Data with other tensors in the places of given ones. */
const substitute = <A>(data: A, given: ReadonlyArray<Tensor>, others: ReadonlyArray<Tensor>): A => {
  const byId = new Map(given.map((t, i) => [t.id, others[i] as Tensor] as const));
  return mapTensors(data, (t) => byId.get(t.id) ?? t);
};

/** What a function reads: tensors from before `first`, and ids of later ones. */
interface Reads {
  readonly captured: Set<Tensor>;
  readonly used: Set<number>;
}

/** Gathers what a function reads while it runs. */
const readingTo = ({ captured, used }: Reads, first: number): Listener => ({
  hear: ({ inputs }) => {
    for (const t of Object.values(inputs)) {
      if (t == null) continue;
      if (t.id < first) captured.add(t);
      else used.add(t.id);
    }
    return [];
  },
  keeps: () => false,
  follows: () => false,
});

/** Throws where a captured tensor is one that has to be an argument. */
const refuse = (captured: ReadonlySet<Tensor>, wrong: (t: Tensor) => boolean, why: string): void => {
  const found = [...captured].find(wrong);
  if (found === undefined) return;
  const shape = showShape(found.shape);
  throw new TypeError(`checkpoint: the function captures a tensor ${shape} ${why}; pass it as an argument`);
};

/** f of constants in place of the given tensors, what it captures, and those of the given that it uses. */
const runOnce = <Args extends ReadonlyArray<unknown>, B>(
  f: (...args: Args) => B,
  args: Args,
  given: ReadonlyArray<Tensor>,
): { readonly value: B; readonly captured: ReadonlySet<Tensor>; readonly used: ReadonlyArray<Tensor> } => {
  const constants = unrecorded(() => given.map((t) => tf.clone(t)));
  const reads: Reads = { captured: new Set(), used: new Set() };
  const value = listen(readingTo(reads, (constants[0] as Tensor).id), () =>
    scope(() => mapTensors(f(...substitute(args, given, constants)), (t) => tf.clone(t))),
  );
  tf.dispose([...constants]);
  refuse(reads.captured, isFollowed, 'with a gradient');
  return { value, captured: reads.captured, used: given.filter((_, i) => reads.used.has((constants[i] as Tensor).id)) };
};

const record = <Args extends ReadonlyArray<unknown>, B>(f: (...args: Args) => B, args: Args): B => {
  const given = distinct(tensorsIn(args));
  const active = new Set(followed(given));
  if (active.size === 0) return f(...args);
  const { value, captured, used } = runOnce(f, args, given);
  const saved = used.map((t) => tf.keep(tf.clone(t)));
  const names = used.flatMap((t, i) => (active.has(t) ? [i] : []));
  const again = (xs: ReadonlyArray<Tensor>): ReadonlyArray<Tensor> => {
    const inputs = saved.map((t, i) => xs[names.indexOf(i)] ?? t);
    return tensorsIn(f(...substitute(args, used, inputs)));
  };
  recordNode({
    kernelName: 'checkpoint',
    inputs: Object.fromEntries(names.map((i) => [i, used[i] as Tensor] as const)),
    outputs: tensorsIn(value),
    saved,
    gradient: (dys) => {
      refuse(captured, (t) => t.isDisposed, 'that was freed before the backward pass');
      const xs = names.map((i) => saved[i] as Tensor);
      const { dxs } = pullBack(again, xs, () => dys.map((dy) => dy && tf.clone(dy)));
      return Object.fromEntries(names.map((i, j) => [i, () => dxs[j] ?? tf.zerosLike(saved[i] as Tensor)] as const));
    },
  });
  return value;
};

/**
 * The same function with other costs: its intermediates are not kept for the backward pass, which computes them again.
 *
 * `checkpoint(f)(...args) = f(...args)` with the same gradients. Every tensor that needs a gradient is one of the arguments, or
 * inside of their records, arrays and maps (`weights`, `attach(adapter, weights)`); results are tensors, or data with tensors inside.
 * Tensors that f captures instead are constants, which live until the backward pass is over. It nests: a checkpoint of parts that
 * are checkpoints keeps one part's intermediates at a time. Second-order gradients are those of f, as its operations allow.
 * Outside of `valueAndGrad` it is f.
 *
 * @param f pure: it computes the same when it is called again; random numbers come from a key
 * @throws when f captures a tensor with a gradient, and in the backward pass when a captured tensor was freed before
 */
export const checkpoint =
  <Args extends ReadonlyArray<unknown>, B>(f: (...args: Args) => B) =>
  (...args: Args): B =>
    record(f, args);

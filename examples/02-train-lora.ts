/**
 * Training without a framework: parameters are a record, a step is a function from one record to the next.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { either as E } from 'fp-ts';
import * as weft from 'weftjs';
import { tf } from 'weftjs/ops';

const must = <A>(result: weft.Result<A>): A => {
  if (E.isLeft(result)) throw new Error(weft.renderProblems(result.left));
  return result.right;
};

must(await weft.useBackend('wasm'));
const model = must(await weft.openModel(join(fileURLToPath(new URL('data', import.meta.url)), 'base')));
const weights = must(await weft.readWeights(model));
const [initKey, dataKey] = weft.split(weft.key(0)) as [weft.Key, weft.Key];
const adapter = must(
  weft.init(
    weft.lora,
    { r: 4, lora_alpha: 8, target_modules: 'all-linear' },
    { spec: model.spec, key: initKey, weights },
  ),
);

/** Lines "x>y;" with y five letters after x, and labels for y and ";" only. */
const text = Array.from({ length: 8 * 6 }, (_, i) => {
  const x = (i * 7 + dataKey[1]) % 26;
  return [97 + x, 62, 97 + ((x + 5) % 26), 59];
}).flat();
const inputIds = weft.tensorOf(Int32Array.from(text), [8, 24]);
const labels = weft.tensorOf(
  Int32Array.from(text, (id, i) => (i % 4 === 0 ? -100 : id)),
  [8, 24],
);

const lossAndGrads = weft.valueAndGrad((params: weft.Weights) =>
  weft.causalCrossEntropy(
    weft.forward(model.spec, weft.attach(weft.withTrainable(adapter, params), weights), { inputIds }),
    labels,
  ),
);

interface State {
  readonly params: weft.Weights;
  readonly m: weft.Weights;
  readonly v: weft.Weights;
}

/** One step of Adam: m' = b1 m + (1 - b1) g, v' = b2 v + (1 - b2) g^2, p' = p - lr mhat / (sqrt(vhat) + eps). */
const adam = ({ params, m, v }: State, t: number, lr = 0.01): { readonly loss: weft.Tensor; readonly state: State } =>
  weft.scope(() => {
    const { value, grads } = lossAndGrads(params);
    const zip = (f: (a: weft.Tensor, b: weft.Tensor) => weft.Tensor, a: weft.Weights, b: weft.Weights): weft.Weights =>
      weft.mapRecord(a, (x, name) => f(x, b[name] as weft.Tensor));
    const m2 = zip((mi, g) => tf.add(tf.mul(mi, 0.9), tf.mul(g, 0.1)), m, grads);
    const v2 = zip((vi, g) => tf.add(tf.mul(vi, 0.999), tf.mul(tf.square(g), 0.001)), v, grads);
    const rate = (lr * Math.sqrt(1 - 0.999 ** t)) / (1 - 0.9 ** t);
    const moves = zip((mi, vi) => tf.mul(tf.div(mi, tf.add(tf.sqrt(vi), 1e-8)), rate), m2, v2);
    const next = zip((p, move) => tf.sub(p, move), params, moves);
    return { loss: value, state: { params: next, m: m2, v: v2 } };
  });

const zeros = (): weft.Weights => weft.mapRecord(weft.trainable(adapter), (p) => tf.zerosLike(p));

let state: State = { params: weft.trainable(adapter), m: zeros(), v: zeros() };
const before = weft.numTensors();
for (let t = 1; t <= 61; t++) {
  const { loss, state: next } = adam(state, t);
  if (t % 20 === 1) console.log(`step ${t}: loss ${((await weft.read(loss))[0] ?? NaN).toFixed(4)}`);
  // the loop owns its states: what the next one does not hold is freed
  weft.dispose({ loss });
  Object.values(state).forEach((record) => weft.dispose(record));
  state = next;
}
console.log(`tensors alive: ${weft.numTensors() - before} more than before the loop`);
await model.checkpoint.close();

/**
 * Activations by their names in Hugging Face configs (`transformers.activations.ACT2FN`).
 */
import { E } from '../fp.js';
import { fail, type Result } from '../problem.js';
import { geluTanh } from './gelu-tanh.js';
import { silu } from './silu.js';
import { lookup, recordOf, type Tensor } from './tensor.js';
import { tf } from './tf.js';

/** An elementwise function of a float32 tensor. */
export type Activation = (x: Tensor) => Tensor;

export { geluTanh, silu };

/** gelu(x) = x/2 (1 + erf(x / sqrt 2)). */
export const gelu: Activation = (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));

/** x sigmoid(1.702 x). */
export const quickGelu: Activation = (x) => tf.mul(x, tf.sigmoid(tf.mul(x, 1.702)));

/** max(x, 0). */
export const relu: Activation = (x) => tf.relu(x);

/** min(x, bound). */
const atMost = (x: Tensor, bound: number): Tensor => tf.sub(bound, tf.relu(tf.sub(bound, x)));

/** x tanh(log(1 + e^x)). */
export const mish: Activation = (x) =>
  tf.mul(x, tf.tanh(tf.add(tf.relu(x), tf.log(tf.add(tf.exp(tf.neg(tf.abs(x))), 1)))));

/** mu and sigma of `laplace`, as transformers rounds sqrt(1 / 2) and sqrt(1 / (4 pi)). */
const LAPLACE = { mean: 707107 * 1e-6, deviation: 282095 * 1e-6 };

/** (1 + erf((x - mu) / (sigma sqrt 2))) / 2 (Ma et al., arXiv 2209.10655). */
export const laplace: Activation = (x) =>
  tf.mul(tf.add(tf.erf(tf.mul(tf.sub(x, LAPLACE.mean), Math.SQRT1_2 / LAPLACE.deviation)), 1), 0.5);

const byName: Readonly<Record<string, Activation>> = recordOf<Activation>([
  ['gelu', gelu],
  ['gelu_python', gelu],
  ['gelu_new', geluTanh],
  ['gelu_fast', geluTanh],
  ['gelu_pytorch_tanh', geluTanh],
  ['gelu_accurate', geluTanh],
  ['gelu_10', (x) => atMost(gelu(x), 10)],
  ['quick_gelu', quickGelu],
  ['silu', silu],
  ['swish', silu],
  ['relu', relu],
  ['relu6', (x) => atMost(tf.relu(x), 6)],
  ['leaky_relu', (x) => tf.sub(tf.relu(x), tf.mul(tf.relu(tf.neg(x)), 0.01))],
  ['mish', mish],
  ['laplace', laplace],
  ['relu2', (x) => tf.square(tf.relu(x))],
  ['sigmoid', (x) => tf.sigmoid(x)],
  ['tanh', (x) => tf.tanh(x)],
  ['linear', (x) => x],
]);

/** The activation that a config names; fails with the known names for any other, at `at`. */
export const activation = (name: string, at = 'activation'): Result<Activation> => {
  const found = lookup(byName, name);
  return found === undefined
    ? fail(at, `one of ${Object.keys(byName).join(', ')}`, JSON.stringify(name))
    : E.right(found);
};

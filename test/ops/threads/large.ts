/** Operations that are large enough for a team, with their gradients: what tests compare between numbers of threads. */
import { causalMask } from '../../../src/models/layers/mask.js';
import { attention } from '../../../src/ops/attention.js';
import { read, scope, tensorOf } from '../../../src/ops/backend.js';
import { crossEntropies } from '../../../src/ops/cross-entropy.js';
import { geluTanh } from '../../../src/ops/gelu-tanh.js';
import { layerNorm, rmsNorm } from '../../../src/ops/norm.js';
import { rotateHeads } from '../../../src/ops/rotate-heads.js';
import { silu, siluGate } from '../../../src/ops/silu.js';
import { recordOf, sizeOf, type Shape, type Tensor } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { valueAndGrad } from '../../../src/ops/value-and-grad.js';
import { numbers } from '../arbitrary.js';

interface Large {
  readonly shapes: ReadonlyArray<Shape>;
  readonly f: (...xs: ReadonlyArray<Tensor>) => Tensor;
}

const labels = (n: number): Tensor =>
  tensorOf(
    Int32Array.from({ length: n }, (_, i) => (i * 37) % 500),
    [n],
  );

const table = (seed: number, batch: number): Tensor => tensorOf(numbers(seed, batch * 100 * 64), [batch, 1, 100, 64]);

/** The operations, by name. */
const large: Readonly<Record<string, Large>> = {
  product: {
    shapes: [
      [300, 250],
      [250, 310],
    ],
    f: (a, b) => tf.matMul(a!, b!),
  },
  wide: {
    shapes: [
      [90, 250],
      [90, 700],
    ],
    f: (a, b) => tf.matMul(a!, b!, true),
  },
  products: {
    shapes: [
      [3, 120, 200],
      [3, 130, 200],
    ],
    f: (a, b) => tf.matMul(a!, b!, false, true),
  },
  softmax: { shapes: [[610, 500]], f: (x) => tf.softmax(x!) },
  silu: { shapes: [[333, 500]], f: (x) => silu(x!) },
  siluGate: {
    shapes: [
      [333, 500],
      [333, 500],
    ],
    f: (x, up) => siluGate(x!, up!),
  },
  geluTanh: { shapes: [[333, 501]], f: (x) => geluTanh(x!) },
  layerNorm: { shapes: [[641, 500], [500], [500]], f: (x, w, b) => layerNorm(x!, w!, b!, 1e-5) },
  rmsNorm: { shapes: [[641, 500], [500]], f: (x, w) => rmsNorm(x!, w!, 1e-5) },
  rotateHeads: {
    shapes: [[5, 100, 8, 64]],
    f: (x) => rotateHeads(x!, { cos: table(1, 5), sin: table(2, 5) }),
  },
  rotateHeadsAlike: {
    shapes: [[5, 100, 8, 64]],
    f: (x) => rotateHeads(x!, { cos: table(1, 1), sin: table(2, 1) }),
  },
  attention: {
    shapes: [
      [2, 4, 129, 32],
      [2, 2, 129, 32],
      [2, 2, 129, 32],
    ],
    f: (q, k, v) => attention(q!, k!, v!, { scale: 0.2, mask: causalMask({ queries: 129, keys: 129 }) }),
  },
  crossEntropies: { shapes: [[640, 500]], f: (x) => crossEntropies(x!, labels(640)) },
};

/** Values and gradients of all operations on the current backend. */
export const largeResults = async (): Promise<Readonly<Record<string, Float32Array>>> => {
  const found: Record<string, Float32Array> = {};
  for (const [name, { shapes, f }] of Object.entries(large)) {
    const inputs = recordOf(shapes.map((shape, i) => [String(i), tensorOf(numbers(i, sizeOf(shape)), shape)] as const));
    const { value, grads } = scope(() => valueAndGrad((xs) => tf.sum(tf.square(f(...Object.values(xs)))))(inputs));
    found[name] = await read(value);
    for (const [of, gradient] of Object.entries(grads)) found[`${name} ${of}`] = await read(gradient);
    tf.dispose([value, { ...grads }, { ...inputs }]);
  }
  return found;
};

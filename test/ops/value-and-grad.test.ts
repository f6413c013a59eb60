import { describe, expect, it } from 'vitest';
import { numTensors, read, scope, tensorOf } from '../../src/ops/backend.js';
import { noGrad, stopGradient } from '../../src/ops/stop-gradient.js';
import type { Tensor, Weights } from '../../src/ops/tensor.js';
import { tf } from '../../src/ops/tf.js';
import { valueAndGrad } from '../../src/ops/value-and-grad.js';

const vector = (...xs: ReadonlyArray<number>): Tensor => tensorOf(Float32Array.from(xs), [xs.length]);
const at = (w: Weights, key: string): Tensor => w[key] as Tensor;
const dispose = (...ts: ReadonlyArray<Tensor>): void => tf.dispose([...ts]);

/** sum(x^2 y) + 3 */
const f = (p: Weights): Tensor => tf.add(tf.sum(tf.mul(tf.square(at(p, 'x')), at(p, 'y'))), 3);

describe('valueAndGrad', () => {
  it('gives the value, the gradients, and leaves nothing else behind', async () => {
    const params = { x: vector(1, 2), y: vector(3, 4) };
    const before = numTensors();
    const { value, grads } = valueAndGrad(f)(params);
    expect(numTensors()).toBe(before + 3);
    expect(await read(value)).toEqual(Float32Array.of(22));
    expect(await read(at(grads, 'x'))).toEqual(Float32Array.of(6, 16));
    expect(await read(at(grads, 'y'))).toEqual(Float32Array.of(1, 4));
    expect(await read(params.x)).toEqual(Float32Array.of(1, 2));
    dispose(value, at(grads, 'x'), at(grads, 'y'));
    expect(numTensors()).toBe(before);
  });

  it('gives zeros for what is not used, and each key of one tensor its own gradient', async () => {
    const x = vector(1, 2);
    const { grads } = valueAndGrad((p) => tf.sum(tf.mul(at(p, 'a'), 3)))({ a: x, b: x });
    expect(await read(at(grads, 'a'))).toEqual(Float32Array.of(3, 3));
    expect(await read(at(grads, 'b'))).toEqual(Float32Array.of(0, 0));
  });

  it('takes captured tensors as constants and frees nothing of theirs', async () => {
    const [x, c] = [vector(1, 2), vector(5, 6)];
    const before = numTensors();
    const { value, grads } = valueAndGrad((p) => tf.sum(tf.mul(at(p, 'x'), c)))({ x });
    dispose(value, at(grads, 'x'));
    expect(numTensors()).toBe(before);
    expect(await read(c)).toEqual(Float32Array.of(5, 6));
  });

  it('returns a value of its own when f returns a parameter or a captured tensor', async () => {
    const x = tensorOf(Float32Array.of(4), []);
    for (const g of [(p: Weights) => at(p, 'x'), () => x]) {
      const { value, grads } = valueAndGrad(g)({ x });
      dispose(value, at(grads, 'x'));
      expect(await read(x)).toEqual(Float32Array.of(4));
    }
  });

  it('sums the gradient over every use', async () => {
    const { grads } = valueAndGrad((p) => tf.sum(tf.add(tf.add(at(p, 'x'), at(p, 'x')), tf.square(at(p, 'x')))))({
      x: vector(1, 2),
    });
    expect(await read(at(grads, 'x'))).toEqual(Float32Array.of(4, 6));
  });

  it('goes through kernels with several outputs of which one is used', async () => {
    const { grads } = valueAndGrad((p) => tf.sum(tf.split(at(p, 'x'), 2)[1] as Tensor))({ x: vector(1, 2, 3, 4) });
    expect(await read(at(grads, 'x'))).toEqual(Float32Array.of(0, 0, 1, 1));
  });

  it('nests: the derivative of the squared norm of a gradient', async () => {
    // g = d sum(x^3) = 3 x^2, L = sum(g^2) = 9 x^4, dL = 36 x^3
    const before = numTensors();
    const inner = valueAndGrad((p) => tf.sum(tf.mul(tf.square(at(p, 'x')), at(p, 'x'))));
    const { value, grads } = valueAndGrad((p) => tf.sum(tf.square(at(inner(p).grads, 'x'))))({
      x: scope(() => vector(1, 2)),
    });
    expect(await read(value)).toBeAllClose([9 + 144]);
    expect(await read(at(grads, 'x'))).toBeAllClose([36, 288]);
    dispose(value, at(grads, 'x'));
    expect(numTensors()).toBe(before + 1);
  });

  it('lives inside and around the differentiation of tfjs', async () => {
    const own = valueAndGrad((p) => tf.sum(tf.square(at(p, 'x'))));
    // d/dx sum of own gradient (2x) = 2
    const outside = tf.grad((x) => tf.sum(at(own({ x }).grads, 'x')))(vector(1, 2));
    expect(await read(outside)).toEqual(Float32Array.of(2, 2));
    const { grads } = valueAndGrad((p) => tf.sum(tf.grad((x) => tf.sum(tf.square(x)))(at(p, 'x'))))({
      x: vector(1, 2),
    });
    expect(await read(at(grads, 'x'))).toEqual(Float32Array.of(2, 2));
  });

  it('can be called within the backward pass of another', async () => {
    // A checkpoint: the gradient is computed again from the input.
    const cube = tf.customGrad((x) => {
      const input = x as Tensor;
      return {
        value: tf.mul(tf.square(input), input),
        gradFunc: (dy: Tensor) => {
          const { grads } = valueAndGrad((p) => tf.sum(tf.mul(dy, tf.mul(tf.square(at(p, 'x')), at(p, 'x')))))({
            x: input,
          });
          return at(grads, 'x');
        },
      };
    });
    const before = numTensors();
    const x = vector(1, 2);
    const { value, grads } = valueAndGrad((p) => tf.sum(tf.mul(cube(at(p, 'x')), 2)))({ x });
    expect(await read(at(grads, 'x'))).toBeAllClose([6, 24]);
    dispose(value, at(grads, 'x'), x);
    expect(numTensors()).toBe(before);
  });

  it('leaves nothing behind when f throws, when the value is no scalar, or a gradient is missing', () => {
    const x = vector(1, 2);
    const before = numTensors();
    const boom = (p: Weights): Tensor => {
      tf.square(at(p, 'x'));
      throw new Error('boom');
    };
    expect(() => valueAndGrad(boom)({ x })).toThrow('boom');
    expect(() => valueAndGrad((p) => tf.square(at(p, 'x')))({ x })).toThrow(/scalar/);
    expect(() => valueAndGrad((p) => tf.sum(tf.unique(at(p, 'x')).values))({ x })).toThrow(/Unique/);
    expect(numTensors()).toBe(before);
    const { value, grads } = valueAndGrad((p) => tf.sum(at(p, 'x')))({ x });
    dispose(value, at(grads, 'x'));
    expect(numTensors()).toBe(before);
  });

  it.each<readonly [string, number, (x: Tensor, w: Tensor) => Tensor]>([
    ['nothing of frozen parts', 1, (x, w) => tf.add(x, tf.exp(tf.tanh(tf.exp(w))))],
    ['nothing of sums', 1, (x, w) => tf.add(tf.sub(tf.add(x, tf.exp(w)), tf.exp(w)), x)],
    ['nothing of moves', 1, (x) => tf.pad(tf.slice(tf.concat([tf.tile(x, [2]), x]), [1], [2]), [[1, 2]])],
    ['the frozen factors of active ones, and not these', 3, (x, w) => tf.mul(tf.mul(tf.neg(x), tf.exp(w)), tf.neg(w))],
    ['both factors where both are active', 3, (x) => tf.mul(tf.neg(x), tf.relu(x))],
    [
      'only the frozen matrix of a product',
      2,
      (x, w) => tf.matMul(tf.reshape(tf.neg(x), [1, 2]), tf.outerProduct(w as tf.Tensor1D, w as tf.Tensor1D)),
    ],
  ])('keeps %s', (_name, buffers, f) => {
    const [x, w] = [vector(1, 2), vector(3, 4)];
    const result = valueAndGrad((p) => {
      const before = tf.memory().numDataBuffers;
      const y = scope(() => f(at(p, 'x'), w));
      expect(tf.memory().numDataBuffers - before).toBe(buffers);
      return tf.sum(y);
    })({ x });
    dispose(result.value, at(result.grads, 'x'));
  });

  it.each<readonly [string, number, (x: Tensor, w: Tensor) => Tensor]>([
    ['nothing where all is frozen', 2, (_, w) => tf.mul(tf.exp(w), w)],
    ['one factor where the other is frozen', 3, (x, w) => tf.mul(tf.neg(x), w)],
    ['both where both are active', 4, (x) => tf.mul(tf.neg(x), x)],
  ])('copies %s', (_name, tensors, f) => {
    const [x, w] = [vector(1, 2), vector(3, 4)];
    const result = valueAndGrad((p) => {
      const before = numTensors();
      const y = f(at(p, 'x'), w);
      expect(numTensors() - before).toBe(tensors);
      return tf.sum(tf.mul(y, at(p, 'x')));
    })({ x });
    dispose(result.value, at(result.grads, 'x'));
  });

  it('saves nothing for frozen parts after the backward pass', () => {
    const w = vector(1, 2);
    const before = numTensors();
    for (let i = 0; i < 3; i++) {
      const { value, grads } = valueAndGrad((p) => tf.sum(tf.mul(tf.tanh(tf.exp(w)), at(p, 'x'))))({ x: w });
      dispose(value, at(grads, 'x'));
    }
    expect(numTensors()).toBe(before);
  });
});

describe('stopGradient', () => {
  it('is a constant with the same values', async () => {
    const x = vector(1, 2);
    const { value, grads } = valueAndGrad((p) => tf.sum(tf.mul(at(p, 'x'), stopGradient(at(p, 'x')))))({ x });
    expect(await read(value)).toEqual(Float32Array.of(5));
    expect(await read(at(grads, 'x'))).toEqual(Float32Array.of(1, 2));
  });

  it('noGrad computes a constant, of operations without gradients too', async () => {
    const before = numTensors();
    const x = vector(1, 3);
    const { value, grads } = valueAndGrad((p) =>
      tf.sum(
        tf.mul(
          at(p, 'x'),
          noGrad(() => tf.topk(at(p, 'x'), 1).values),
        ),
      ),
    )({ x });
    expect(await read(value)).toEqual(Float32Array.of(12));
    expect(await read(at(grads, 'x'))).toEqual(Float32Array.of(3, 3));
    dispose(value, at(grads, 'x'), x);
    expect(numTensors()).toBe(before);
  });
});

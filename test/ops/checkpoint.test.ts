import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numTensors, read, scope, tensorOf } from '../../src/ops/backend.js';
import { checkpoint } from '../../src/ops/checkpoint.js';
import { noGrad } from '../../src/ops/stop-gradient.js';
import type { Tensor, Weights } from '../../src/ops/tensor.js';
import { tf } from '../../src/ops/tf.js';
import { valueAndGrad, type ValueAndGrad } from '../../src/ops/value-and-grad.js';
import { runs } from './arbitrary.js';

const vector = (...xs: ReadonlyArray<number>): Tensor => tensorOf(Float32Array.from(xs), [xs.length]);
const at = (w: Weights, key: string): Tensor => w[key] as Tensor;
const dispose = ({ value, grads }: ValueAndGrad): void => tf.dispose([value, ...Object.values(grads)]);
const params = (): Weights => ({ x: vector(1, -2, 3), y: vector(0.5, 0.25, -1) });

/** Two functions have the same values, bit by bit, and gradients, up to the order of sums; nothing is left behind. */
const expectSame = async (f: (p: Weights) => Tensor, g: (p: Weights) => Tensor): Promise<void> => {
  const p = params();
  const before = numTensors();
  const [a, b] = [valueAndGrad(f)(p), valueAndGrad(g)(p)];
  expect(await read(a.value)).toEqual(await read(b.value));
  for (const key of Object.keys(p))
    expect(await read(at(a.grads, key))).toBeAllClose(await read(at(b.grads, key)), { rtol: 1e-6, atol: 1e-7 });
  [a, b].forEach(dispose);
  expect(numTensors()).toBe(before);
};

const part = (x: Tensor, { w }: { readonly w: Tensor }): Tensor => tf.mul(tf.tanh(tf.mul(x, w)), x);

describe('checkpoint', () => {
  it('has the value and the gradients of its function', () =>
    expectSame(
      (p) => tf.sum(checkpoint(part)(at(p, 'x'), { w: at(p, 'y') })),
      (p) => tf.sum(part(at(p, 'x'), { w: at(p, 'y') })),
    ));

  it('finds tensors in records, arrays and maps, and gives back data with tensors inside', async () => {
    const f = (data: ReadonlyArray<Weights>, m: ReadonlyMap<string, Tensor>, bytes: Int32Array) => ({
      sum: tf.add(data[0]?.['x'] as Tensor, m.get('y') as Tensor),
      all: [tf.square(data[0]?.['x'] as Tensor), bytes.length] as const,
    });
    const total = ({ sum, all }: ReturnType<typeof f>): Tensor => tf.sum(tf.mul(sum, tf.mul(all[0], all[1])));
    const of = (g: typeof f) => (p: Weights) =>
      total(g([{ x: at(p, 'x') }], new Map([['y', at(p, 'y')]]), new Int32Array(7)));
    await expectSame(of(checkpoint(f)), of(f));
  });

  it('goes through results of which some are not used, and through tensors that are given twice', () =>
    expectSame(
      (p) =>
        tf.sum(checkpoint((a: Tensor, b: Tensor) => [tf.exp(a), tf.mul(a, b)] as const)(at(p, 'x'), at(p, 'x'))[1]),
      (p) => tf.sum(tf.mul(at(p, 'x'), at(p, 'x'))),
    ));

  it('nests to any depth', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }), async (depths) => {
        const nested = (deep: boolean) => (x: Tensor, w: Tensor) => {
          const inner = checkpoint((h: Tensor, v: Tensor) => tf.sigmoid(tf.mul(h, v)));
          return tf.add(deep ? inner(inner(x, w), w) : inner(x, w), w);
        };
        await expectSame(
          (p) => tf.sum(depths.reduce((h, deep) => checkpoint(nested(deep))(h, at(p, 'y')), at(p, 'x'))),
          (p) => {
            const s = (h: Tensor): Tensor => tf.sigmoid(tf.mul(h, at(p, 'y')));
            return tf.sum(depths.reduce((h, deep) => tf.add(deep ? s(s(h)) : s(h), at(p, 'y')), at(p, 'x')));
          },
        );
      }),
      { numRuns: runs(10) },
    ));

  it('has second-order gradients', () => {
    const norm = (f: typeof part) => (p: Weights) => {
      const inner = valueAndGrad((q) => tf.sum(f(at(q, 'x'), { w: at(p, 'y') })));
      return tf.sum(tf.square(at(inner({ x: at(p, 'x') }).grads, 'x')));
    };
    return expectSame(norm(checkpoint(part)), norm(part));
  });

  it("lives inside and around tfjs's own differentiation", async () => {
    const x = vector(1, 2);
    const cube = checkpoint((h: Tensor) => tf.mul(h, tf.square(h)));
    const before = numTensors();
    const inside = tf.grad((h) => tf.sum(cube(h)))(x);
    expect(await read(inside)).toBeAllClose([3, 12]);
    const around = valueAndGrad((p) =>
      tf.sum(checkpoint((h: Tensor) => tf.grad((v) => tf.sum(cube(v)))(h))(at(p, 'x'))),
    );
    const result = around({ x });
    expect(await read(at(result.grads, 'x'))).toBeAllClose([6, 12]);
    tf.dispose(inside);
    dispose(result);
    expect(numTensors()).toBe(before);
  });

  it('computes constants in it again too', () =>
    expectSame(
      (p) =>
        tf.sum(
          checkpoint((x: Tensor) =>
            tf.div(
              x,
              noGrad(() => tf.norm(x)),
            ),
          )(at(p, 'x')),
        ),
      (p) =>
        tf.sum(
          tf.div(
            at(p, 'x'),
            noGrad(() => tf.norm(at(p, 'x'))),
          ),
        ),
    ));

  it('keeps its arguments, and nothing that it makes on the way', () => {
    const x = vector(1, 2, 3);
    const buffers = (f: (h: Tensor) => Tensor): number => {
      let alive = 0;
      const result = valueAndGrad((p) => {
        const before = tf.memory().numDataBuffers;
        const y = scope(() => f(at(p, 'x')));
        alive = tf.memory().numDataBuffers - before;
        return tf.sum(y);
      })({ x });
      dispose(result);
      return alive;
    };
    const chain = (h: Tensor): Tensor => Array.from({ length: 10 }).reduce<Tensor>((t) => tf.tanh(t), h);
    expect(buffers(chain)).toBe(10); // nine inputs of tanh, and the result
    expect(buffers(checkpoint(chain))).toBe(1);
  });

  it('is its function where nothing is differentiated', async () => {
    let calls = 0;
    const counted = checkpoint((x: Tensor) => {
      calls++;
      return tf.square(x);
    });
    expect(await read(counted(vector(3)))).toEqual(Float32Array.of(9));
    const c = vector(2);
    const result = valueAndGrad((p) =>
      tf.sum(
        tf.add(
          tf.mul(at(p, 'x'), counted(c)),
          noGrad(() => counted(at(p, 'x'))),
        ),
      ),
    )({
      x: vector(5),
    });
    expect(await read(at(result.grads, 'x'))).toEqual(Float32Array.of(4));
    expect(calls).toBe(3);
  });

  it('captures constants that stay, and refuses those that need a gradient or are freed too early', () => {
    const [x, c] = [vector(1, 2), vector(3, 4)];
    const before = numTensors();
    const of = (f: (p: Weights) => Tensor) => () => dispose(valueAndGrad(f)({ x }));
    of((p) => tf.sum(checkpoint((h: Tensor) => tf.mul(h, c))(at(p, 'x'))))();
    expect(of((p) => tf.sum(checkpoint((h: Tensor) => tf.mul(h, at(p, 'x')))(at(p, 'x'))))).toThrow(
      /captures a tensor \[2\] with a gradient; pass it as an argument/,
    );
    const early = (p: Weights): Tensor =>
      scope(() => {
        const born = tf.square(c);
        return tf.sum(checkpoint((h: Tensor) => tf.mul(h, born))(at(p, 'x')));
      });
    expect(of(early)).toThrow(/captures a tensor \[2\] that was freed before the backward pass/);
    expect(
      of((p) =>
        tf.sum(
          checkpoint((h: Tensor): Tensor => {
            tf.square(h);
            throw new Error('boom');
          })(at(p, 'x')),
        ),
      ),
    ).toThrow('boom');
    expect(numTensors()).toBe(before);
  });
});

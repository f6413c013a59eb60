import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { read, scope, tensorOf } from '../../src/ops/backend.js';
import { convNd } from '../../src/ops/conv.js';
import { sizeOf, type Shape, type Tensor } from '../../src/ops/tensor.js';
import { tf } from '../../src/ops/tf.js';
import { valueAndGrad } from '../../src/ops/value-and-grad.js';
import { numbers, runs } from './arbitrary.js';
import { expectGradient, gradientOf } from './gradients/finite-difference.js';

interface Geometry {
  readonly stride: Shape;
  readonly padding: Shape;
  readonly dilation: Shape;
  readonly groups: number;
}

interface Convolution extends Geometry {
  readonly x: Shape;
  readonly W: Shape;
}

const coordinates = (shape: Shape): number[][] =>
  shape.reduce<number[][]>((all, d) => all.flatMap((p) => Array.from({ length: d }, (_, i) => [...p, i])), [[]]);

const flat = (at: ReadonlyArray<number>, shape: Shape): number =>
  at.reduce((f, c, i) => f * (shape[i] as number) + c, 0);

/** Sizes of the output. */
const outputOf = (c: Convolution): Shape => {
  const [n, , ...spatial] = c.x as [number, number, ...number[]];
  const [out, , ...kernel] = c.W as [number, number, ...number[]];
  const positions = spatial.map((d, i) => {
    const reach = (c.dilation[i] as number) * ((kernel[i] as number) - 1) + 1;
    return Math.floor((d + 2 * (c.padding[i] as number) - reach) / (c.stride[i] as number)) + 1;
  });
  return [n, out, ...positions];
};

/** One output by the definition, with coordinates spelled out. */
const outputAt = (x: Float32Array, W: Float32Array, c: Convolution, [b, o, ...p]: ReadonlyArray<number>): number => {
  const [, , ...spatial] = c.x;
  const [out, perGroup, ...kernel] = c.W as [number, number, ...number[]];
  const group = Math.floor((o as number) / (out / c.groups));
  return coordinates([perGroup, ...kernel]).reduce((sum, [ch, ...k]) => {
    const at = p.map(
      (v, i) => v * (c.stride[i] as number) + (k[i] as number) * (c.dilation[i] as number) - (c.padding[i] as number),
    );
    if (at.some((v, i) => v < 0 || v >= (spatial[i] as number))) return sum;
    const w = W[flat([o as number, ch as number, ...k], c.W)] as number;
    return sum + w * (x[flat([b as number, group * perGroup + (ch as number), ...at], c.x)] as number);
  }, 0);
};

const reference = (x: Float32Array, W: Float32Array, c: Convolution): number[] =>
  coordinates(outputOf(c)).map((at) => outputAt(x, W, c, at));

const axis = fc.record({
  size: fc.integer({ min: 3, max: 5 }),
  kernel: fc.integer({ min: 1, max: 3 }),
  stride: fc.integer({ min: 1, max: 2 }),
  padding: fc.nat(2),
  dilation: fc.integer({ min: 1, max: 2 }),
});

/** Convolutions of one to three axes whose kernel fits. */
const convolutions: fc.Arbitrary<Convolution> = fc
  .record({
    batch: fc.integer({ min: 1, max: 2 }),
    groups: fc.integer({ min: 1, max: 2 }),
    perGroup: fc.integer({ min: 1, max: 2 }),
    outPerGroup: fc.integer({ min: 1, max: 2 }),
    axes: fc.array(axis, { minLength: 1, maxLength: 3 }),
  })
  .map(({ batch, groups, perGroup, outPerGroup, axes }) => ({
    x: [batch, groups * perGroup, ...axes.map((a) => a.size)],
    W: [groups * outPerGroup, perGroup, ...axes.map((a) => a.kernel)],
    stride: axes.map((a) => a.stride),
    padding: axes.map((a) => a.padding),
    dilation: axes.map((a) => (a.size + 2 * a.padding > a.dilation * (a.kernel - 1) ? a.dilation : 1)),
    groups,
  }));

describe('convNd', () => {
  it('is the sum over channels and kernel positions', () =>
    fc.assert(
      fc.asyncProperty(convolutions, fc.integer(), async (c, seed) => {
        const [x, W] = [numbers(seed, sizeOf(c.x)), numbers(seed + 1, sizeOf(c.W))];
        const y = scope(() => convNd(tensorOf(x, c.x), tensorOf(W, c.W), c));
        expect(await read(y)).toBeAllClose(reference(x, W, c), { rtol: 1e-5, atol: 1e-5 });
        y.dispose();
      }),
      { numRuns: runs(50) },
    ));

  it('takes one number for all axes, and torch defaults', async () => {
    const [x, W] = [numbers(1, 2 * 16), numbers(2, 3 * 2 * 4)];
    const run = (options: object): Promise<Float32Array> =>
      read(scope(() => convNd(tensorOf(x, [1, 2, 4, 4]), tensorOf(W, [3, 2, 2, 2]), options)));
    expect(await run({ stride: 2, padding: 1 })).toEqual(
      await run({ stride: [2, 2], padding: [1, 1], dilation: [1, 1], groups: 1 }),
    );
    expect((await run({})).length).toBe(3 * 9);
  });

  it.each<readonly [string, Convolution]>([
    ['one axis', { x: [2, 2, 4], W: [2, 2, 3], stride: [2], padding: [1], dilation: [1], groups: 1 }],
    ['two axes', { x: [2, 2, 5, 4], W: [3, 2, 3, 2], stride: [2, 1], padding: [2, 1], dilation: [1, 1], groups: 1 }],
    ['dilated', { x: [1, 2, 5, 5], W: [2, 2, 2, 3], stride: [1, 1], padding: [0, 2], dilation: [3, 2], groups: 1 }],
    [
      'strided, dilated',
      { x: [1, 2, 5, 5], W: [2, 2, 2, 2], stride: [2, 1], padding: [1, 0], dilation: [1, 2], groups: 1 },
    ],
    [
      'two axes in groups',
      { x: [1, 4, 3, 3], W: [4, 2, 2, 2], stride: [1, 1], padding: [1, 0], dilation: [1, 2], groups: 2 },
    ],
    [
      'three axes',
      { x: [1, 1, 2, 3, 2], W: [2, 1, 2, 2, 1], stride: [1, 1, 1], padding: [0, 1, 0], dilation: [1, 1, 1], groups: 1 },
    ],
    ['points', { x: [2, 3, 2, 2], W: [2, 3, 1, 1], stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 }],
  ])('has gradients in x and W: %s', (_name, c) =>
    expectGradient({
      f: (x, W) => convNd(x as Tensor, W as Tensor, c),
      shapes: [c.x, c.W],
      seed: 1,
      tolerance: { rtol: 5e-3, atol: 5e-3 },
    }),
  );

  it('has second-order gradients', () =>
    expectGradient({
      f: gradientOf((x, W) => tf.square(convNd(x as Tensor, W as Tensor, { padding: 1, stride: 2 }))),
      shapes: [
        [1, 2, 3, 3],
        [2, 2, 2, 2],
      ],
      seed: 1,
      tolerance: { rtol: 1e-2, atol: 1e-2 },
    }));

  it('of no images is empty', () =>
    scope(() => {
      expect(convNd(tf.zeros([0, 2, 4, 4]), tf.ones([3, 2, 3, 3])).shape).toEqual([0, 3, 2, 2]);
    }));

  it('refuses shapes that do not fit', () =>
    scope(() => {
      const x = tensorOf(numbers(1, 12), [1, 3, 4]);
      expect(() => convNd(x, tensorOf(numbers(1, 8), [2, 2, 2]))).toThrow(/groups/);
      expect(() => convNd(x, tensorOf(numbers(1, 15), [1, 3, 5]))).toThrow(/larger/);
      expect(() => convNd(x, tensorOf(numbers(1, 3), [1, 3, 1, 1]))).toThrow(RangeError);
    }));
});

describe('a convolution of many positions', () => {
  // on wasm its matrix is made in several blocks, in the middle of the second of three axes
  const [xShape, WShape]: readonly [Shape, Shape] = [
    [2, 6, 9, 40, 41],
    [4, 3, 3, 3, 2],
  ];
  const options = { groups: 2, padding: [1, 1, 0], stride: [1, 1, 2], dilation: [1, 2, 1] };
  const [x, W] = [numbers(1, sizeOf(xShape)), numbers(2, sizeOf(WShape))];

  it('is the sum over channels and kernel positions', async () => {
    const c = { ...options, x: xShape, W: WShape };
    const y = scope(() => convNd(tensorOf(x, xShape), tensorOf(W, WShape), options));
    expect(y.shape).toEqual(outputOf(c));
    const values = await read(y);
    const some = Array.from({ length: 500 }, (_, i) => (i * 7919) % y.size);
    const coordinatesOf = (i: number): number[] =>
      y.shape.map((d, axis) => Math.floor(i / sizeOf(y.shape.slice(axis + 1))) % d);
    expect(some.map((i) => values[i] as number)).toBeAllClose(
      some.map((i) => outputAt(x, W, c, coordinatesOf(i))),
      { rtol: 1e-4, atol: 1e-4 },
    );
    y.dispose();
  });

  it('has adjoints: <conv(x, W), v> = <x, dx> = <W, dW>', async () => {
    const [image, filter] = [tensorOf(x, xShape), tensorOf(W, WShape)];
    const y = scope(() => convNd(image, filter, options));
    const v = tensorOf(numbers(3, y.size), y.shape);
    const { grads } = scope(() =>
      valueAndGrad((p) => tf.sum(tf.mul(convNd(p['x'] as Tensor, p['W'] as Tensor, options), v)))({
        x: image,
        W: filter,
      }),
    );
    const inner = async (a: Tensor, b: Tensor): Promise<number> => {
      const [p, q] = [await read(a), await read(b)];
      return p.reduce((sum, value, i) => sum + value * (q[i] as number), 0);
    };
    const products = [
      await inner(y, v),
      await inner(image, grads['x'] as Tensor),
      await inner(filter, grads['W'] as Tensor),
    ];
    expect(products[1]).toBeCloseTo(products[0] as number, 1);
    expect(products[2]).toBeCloseTo(products[0] as number, 1);
    tf.dispose([image, filter, y, v, ...Object.values(grads)]);
  });
});

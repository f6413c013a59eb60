/** The kernel of linear algebra against its reference in TypeScript, bit for bit. */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { kernelFor, numbers, singles, withRoom } from '../../../src/ops/kernels/linalg.js';
import { source, wasm } from '../../../src/ops/kernels/linalg-wasm.js';
import { eigh } from '../../../src/ops/linalg/eigh.js';
import { hostInverse } from '../../../src/ops/linalg/lu.js';
import { multiply, transposed, type Matrix } from '../../../src/ops/linalg/matrix.js';
import { addProduct } from '../../../src/ops/linalg/product.js';
import { qr } from '../../../src/ops/linalg/qr.js';
import { svd } from '../../../src/ops/linalg/svd.js';
import { addScaled, dot, reflect, rotate } from '../../../src/ops/linalg/vectors.js';
import { numbers as uniform } from '../arbitrary.js';
import { random } from '../linalg/matrices.js';

/** What `f` gives where WebAssembly is missing. */
const inTypeScript = <A>(f: () => A): A => {
  vi.stubGlobal('WebAssembly', undefined);
  try {
    return f();
  } finally {
    vi.unstubAllGlobals();
  }
};

/** Values without order of magnitude in common, so that every change in the order of a sum shows. */
const values = (seed: number, n: number): Float64Array =>
  Float64Array.from(uniform(seed, n), (x, i) => x * 2 ** ((i * 7) % 13));

/** What `f` makes of arrays with these values, on the kernel's memory and not. */
const both = (arrays: ReadonlyArray<Float64Array>, f: (...x: ReadonlyArray<Float64Array>) => unknown) => {
  const outside = arrays.map((x) => x.slice());
  const size = arrays.reduce((sum, x) => sum + x.length + 2, 0);
  const result = f(...outside);
  return withRoom(size, () => {
    const inside = arrays.map((x) => {
      const place = numbers(x.length);
      place.set(x);
      return place;
    });
    expect(kernelFor(...(inside as [Float64Array]))).toBeDefined();
    return { expected: [result, ...outside], actual: [f(...inside), ...inside.map((x) => x.slice())] };
  });
};

const expectSame = ({ expected, actual }: ReturnType<typeof both>): void => expect(actual).toEqual(expected);

const sizes = fc.integer({ min: 0, max: 70 });

describe('the kernel of linear algebra', () => {
  it('is compiled from the source that lies here', () => {
    const folder = new URL('../../../kernels/', import.meta.url);
    const parts = readdirSync(new URL('linalg', folder)).toSorted();
    const text = ['linalg.ts', ...parts.map((part) => `linalg/${part}`)]
      .map((path) => readFileSync(new URL(path, folder), 'utf8'))
      .join('');
    expect(createHash('sha256').update(text).digest('hex'), 'run `npm run kernels`').toBe(source);
  });

  it('needs nothing from outside', () => {
    expect(WebAssembly.Module.imports(new WebAssembly.Module(Buffer.from(wasm, 'base64')))).toEqual([]);
  });

  it('has the bits of the reference: loops over vectors', () => {
    fc.assert(
      fc.property(sizes, fc.integer(), (n, seed) => {
        const [x, y] = [values(seed, n + 3), values(seed + 1, n + 3)];
        expectSame(both([x, y], (a, b) => dot(a as Float64Array, 2, b as Float64Array, 1, n)));
        expectSame(both([x, y], (a, b) => addScaled(a as Float64Array, 1, 0.37, b as Float64Array, 2, n)));
        expectSame(
          both([values(seed, 2 * n + 1)], (a) =>
            rotate(a as Float64Array, 0, n + 1, Math.cos(seed), Math.sin(seed), n),
          ),
        );
        expectSame(
          both([x, values(seed, 3 * n + 12)], (v, a) =>
            reflect(v as Float64Array, 1, 0.8, a as Float64Array, 2, n + 2, 3, n),
          ),
        );
      }),
      { numRuns: 200 },
    );
  });

  it('has the bits of the reference: products, transposed or not, of float64 or float32, with blocks at all edges', () => {
    fc.assert(
      fc.property(
        sizes,
        fc.integer({ min: 0, max: 600 }),
        fc.integer({ min: 0, max: 40 }),
        fc.boolean(),
        fc.boolean(),
        (m, k, n, turned, single) => {
          const A = single ? Float32Array.from(values(1, m * k)) : values(1, m * k);
          const [B, C] = [values(2, k * (n + 1)), values(3, m * (n + 2))];
          const left = { at: 0, row: turned ? 1 : k, step: turned ? m : 1 };
          const run = (x: Float64Array | Float32Array, b: Float64Array, c: Float64Array): void =>
            addProduct(m, k, n, { x, ...left }, { x: b, at: 1, row: n + 1 }, { x: c, at: 2, row: n + 2 });
          // places from `at` on: one and two entries more at the end
          const [b, c] = [Float64Array.of(...B, 0), Float64Array.of(...C, 0, 0)];
          const expected = c.slice();
          run(A, b, expected);
          withRoom(2 * A.length + b.length + c.length + 8, () => {
            const [x, y, z] = [single ? singles(A.length) : numbers(A.length), numbers(b.length), numbers(c.length)];
            x.set(A);
            y.set(b);
            z.set(c);
            expect(kernelFor(x, y, z)).toBeDefined();
            run(x, y, z);
            expect(z).toEqual(expected);
          });
        },
      ),
      { numRuns: 60 },
    );
    const wide = [random(1, 5, 300), random(2, 300, 1100)] as const;
    expect(multiply(...wide)).toEqual(inTypeScript(() => multiply(...wide)));
  });

  it.each([1, 2, 17, 40, 90])('has the bits of the reference: decompositions of %i columns', (n) => {
    const A = random(n, n + 7, n);
    const gram = multiply(transposed(A), A);
    for (const X of [A, transposed(A), gram]) {
      expect(svd(X)).toEqual(inTypeScript(() => svd(X)));
      expect(qr(X)).toEqual(inTypeScript(() => qr(X)));
    }
    expect(eigh(gram)).toEqual(inTypeScript(() => eigh(gram)));
    expect(hostInverse(gram)).toEqual(inTypeScript(() => hostInverse(gram)));
  });

  it('has the bits of the reference: eigenvectors by panels and parts', () => {
    const A = random(1, 150, 150);
    const gram = multiply(transposed(A), A);
    expect(eigh(gram)).toEqual(inTypeScript(() => eigh(gram)));
  });
});

describe('withRoom', () => {
  const A: Matrix = random(3, 30, 30);

  it('gives zeros, whatever was there before', () => {
    withRoom(100, () => numbers(50).fill(7));
    withRoom(100, () => expect([...numbers(50)]).toEqual(Array(50).fill(0)));
  });

  it('gives plain arrays outside, and where the room is used up', () => {
    expect(kernelFor(numbers(4))).toBeUndefined();
    withRoom(10, () => {
      expect(kernelFor(numbers(4))).toBeDefined();
      expect(kernelFor(numbers(2 ** 24))).toBeUndefined();
    });
  });

  it('leaves all to TypeScript where WebAssembly is missing', () => {
    inTypeScript(() => withRoom(100, () => expect(kernelFor(numbers(4))).toBeUndefined()));
  });

  it('keeps the arrays of an outer call through inner ones', () => {
    const expected = svd(A);
    withRoom(64, () => {
      const x = numbers(8).fill(3);
      expect(svd(A)).toEqual(expected);
      expect([...x]).toEqual(Array(8).fill(3));
      expect(kernelFor(x)).toBeDefined();
    });
  });

  it('gives the room back after a throw, and memory that was large', () => {
    expect(() =>
      withRoom(100, () => {
        throw new RangeError('no');
      }),
    ).toThrow('no');
    const size = withRoom(2 ** 24, () => numbers(2 ** 24).buffer.byteLength);
    expect(size).toBeGreaterThan(2 ** 27);
    expect(withRoom(1, () => numbers(1).buffer.byteLength)).toBeLessThan(2 ** 26);
  });
});

/** The product kernels against their reference in TypeScript, bit for bit, and the reference against float64. */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { E } from '../../../src/fp.js';
import { referenceGemm, type Change, type Factor, type Gemm } from '../../../src/ops/kernels/gemm-reference.js';
import { source, relaxedWasm, wasm } from '../../../src/ops/kernels/gemm-wasm.js';
import { fusedGemm, plainGemm, type OpenGemm } from '../../../src/ops/kernels/gemm.js';
import { nativeGemm } from '../../../src/ops/native/gemm.js';
import { right } from '../../setup/result.js';
import { numbers } from '../arbitrary.js';
import { afterOn, cases, FIRST, type Case } from './gemm-cases.js';

const memory = new WebAssembly.Memory({ initial: 64 });
const heap = { memory, allocate: () => 2 ** 16 };

const plain = await plainGemm(heap);
const fused = await fusedGemm();
const native = await nativeGemm({ threads: 2 });

const after = afterOn(memory);

/** The same by definition, in float64. */
const exact = ({ sizes: { m, n, k }, a, b, c, adds, change, seed }: Case): Float64Array => {
  const all = Float64Array.from(numbers(seed, (c.at - FIRST) / 4 + m * c.stride + 8));
  const before = all.slice();
  const element = ({ at, stride, transposed }: Factor, i: number, j: number): number =>
    before[(at - FIRST) / 4 + (transposed ? j * stride + i : i * stride + j)]!;
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) {
      const to = (c.at - FIRST) / 4 + i * c.stride + j;
      let sum = adds ? before[to]! : 0;
      for (let l = 0; l < k; l++) sum += element(a, i, l) * element(b, l, j);
      const beside = (at: number): number => before[to + (at - c.at) / 4]!;
      const f = change?.F === undefined ? 1 : beside(change.F);
      all[to] = change === undefined ? sum : beside(change.W) + change.s * f * sum;
    }
  return all;
};

const close = { rtol: 2e-5, atol: 2e-5 };
const reference = referenceGemm(memory);

describe('the product kernel', () => {
  it('is compiled from the source that lies here', () => {
    const folder = new URL('../../../kernels/', import.meta.url);
    const parts = readdirSync(new URL('gemm/', folder)).toSorted();
    const text = ['gemm.ts', ...parts.map((p) => `gemm/${p}`)].map((path) =>
      readFileSync(new URL(path, folder), 'utf8'),
    );
    expect(createHash('sha256').update(text.join('')).digest('hex'), 'run `npm run kernels`').toBe(source);
  });

  it.each([
    ['plain', wasm],
    ['relaxed', relaxedWasm],
  ])('imports a memory and nothing else, and brings no data into it: %s', (_, base64) => {
    const bytes = Buffer.from(base64, 'base64');
    if (!WebAssembly.validate(bytes)) return;
    const module = new WebAssembly.Module(bytes);
    expect(WebAssembly.Module.imports(module)).toEqual([{ module: 'env', name: 'memory', kind: 'memory' }]);
    const fresh = new WebAssembly.Memory({ initial: 1 });
    const instance = new WebAssembly.Instance(module, { env: { memory: fresh } });
    expect(Object.keys(instance.exports)).toContain('gemm');
    expect(new Uint8Array(fresh.buffer).every((x) => x === 0)).toBe(true);
  });

  it('gives the bits of its reference for any sizes, transposes and strides, and writes to C alone', () => {
    fc.assert(
      fc.property(cases, (c) => {
        expect(Buffer.from(after(plain, c).buffer).equals(Buffer.from(after(reference, c).buffer))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('gives a row the same bits alone and among others', () => {
    fc.assert(
      fc.property(cases, fc.nat(), (c, which) => {
        const i = which % c.sizes.m;
        const whole = after(plain, c);
        const at = c.a.at + 4 * i * (c.a.transposed ? 1 : c.a.stride);
        const down = 4 * i * c.c.stride;
        const to = { ...c.c, at: c.c.at + down };
        const own = ({ W, F, s }: Change): Change => ({ W: W + down, ...(F === undefined ? {} : { F: F + down }), s });
        const alone = after(
          (sizes, a, b, _, adds, change) => plain({ ...sizes, m: 1 }, { ...a, at }, b, to, adds, change && own(change)),
          c,
        );
        const row = (all: Float32Array): Float32Array =>
          all.subarray((to.at - FIRST) / 4, (to.at - FIRST) / 4 + c.sizes.n);
        expect(row(alone)).toEqual(row(whole));
      }),
      { numRuns: 100 },
    );
  });

  it('gives zeros for an empty sum, leaves C where it adds, and W where it changes', () => {
    const place = { at: FIRST, stride: 3, transposed: false };
    const [at, W] = [FIRST + 64, FIRST + 128];
    const values = new Float32Array(memory.buffer, at, 7);
    const opened = [fusedOpened, nativeOpened].flatMap((gemm) => (E.isRight(gemm) ? [gemm.right] : []));
    for (const gemm of [plain, reference, ...opened])
      for (const stride of [3, 4]) {
        const gap = stride === 4 ? [5] : [];
        values.fill(5);
        const empty = (adds: boolean, change?: Change): ReadonlyArray<number> => {
          gemm({ m: 2, n: 3, k: 0 }, place, place, { at, stride }, adds, change);
          return [...values.subarray(0, stride + 3)];
        };
        expect(empty(true)).toEqual([5, 5, 5, ...gap, 5, 5, 5]);
        expect(empty(false)).toEqual([0, 0, 0, ...gap, 0, 0, 0]);
        new Float32Array(memory.buffer, W, 7).set([1, 2, 3, 4, 5, 6, 7]);
        const second = stride === 4 ? [5, 6, 7] : [4, 5, 6];
        expect(empty(false, { W, s: 2 })).toEqual([1, 2, 3, ...gap, ...second]);
      }
  });

  it('is the reference where WebAssembly SIMD is missing', async () => {
    vi.spyOn(WebAssembly, 'validate').mockReturnValue(false);
    try {
      const other = await plainGemm(heap);
      const [c] = fc.sample(cases, { numRuns: 1, seed: 7 });
      expect(after(other, c!)).toEqual(after(reference, c!));
      expect(E.isLeft(await fusedGemm())).toBe(true);
    } finally {
      vi.restoreAllMocks();
    }
  });
});

const openedIf = async (open: typeof fused): Promise<E.Either<unknown, Gemm>> =>
  E.isRight(open) ? E.right(await (open.right satisfies OpenGemm)(heap)) : open;
const fusedOpened = await openedIf(fused);
const nativeOpened = await openedIf(native);

describe.each([
  ['the reference', E.right(reference) as E.Either<unknown, Gemm>],
  ['the relaxed kernel', fusedOpened],
  ['OpenBLAS', nativeOpened],
])('%s', (_, gemm) => {
  it.skipIf(E.isLeft(gemm))('is the sum of products in float64 but for rounding, and writes to C alone', () => {
    if (E.isLeft(gemm)) return;
    fc.assert(
      fc.property(cases, (c) => {
        expect(after(gemm.right, c)).toBeAllClose(exact(c) as unknown as Float32Array, close);
      }),
      { numRuns: 100 },
    );
  });
});

describe.skipIf(E.isLeft(native))('OpenBLAS', () => {
  it('is given no matrix that leaves the memory, and none whose rows overlap', async () => {
    const gemm = await right(native)(heap);
    const last = memory.buffer.byteLength - 4 * 8;
    const inside = { at: FIRST, stride: 4, transposed: false };
    const sizes = { m: 4, n: 4, k: 4 };
    const c = { at: FIRST + 1024, stride: 4 };
    for (const transposed of [false, true]) {
      expect(() => gemm(sizes, { ...inside, at: last, transposed }, inside, c, false)).toThrow(RangeError);
      expect(() => gemm(sizes, inside, { ...inside, at: last, transposed }, c, false)).toThrow(RangeError);
      expect(() => gemm(sizes, inside, { ...inside, stride: 3, transposed }, c, false)).toThrow(RangeError);
    }
    expect(() => gemm(sizes, inside, inside, { at: last, stride: 4 }, false)).toThrow(RangeError);
    expect(() => gemm(sizes, inside, inside, c, false, { W: last, s: 1 })).toThrow(RangeError);
    expect(() => gemm(sizes, inside, inside, c, false, { W: FIRST, F: last, s: 1 })).toThrow(WebAssembly.RuntimeError);
  });
});

/** The native library, where this machine has one; what is said where it has none. */
import { describe, expect, it, vi } from 'vitest';
import { E } from '../../../src/fp.js';
import { openBlas } from '../../../src/ops/native/openblas.js';
import { problemsOf, right } from '../../setup/result.js';

const found = await openBlas();

describe.skipIf(E.isLeft(found))('OpenBLAS of the system', () => {
  it('is opened once, and says what it is', async () => {
    const blas = right(found);
    expect(right(await openBlas())).toBe(blas);
    expect(blas.config).toMatch(/OpenBLAS/);
  });

  it('takes a number of threads', async () => {
    const before = right(found).threads();
    for (const threads of [1, 2, before]) expect(right(await openBlas({ threads })).threads()).toBe(threads);
  });

  it('has functions by declaration, and a problem for those it lacks', () => {
    const { func } = right(found);
    const dot = right(func('float cblas_sdot(int, const float *, int, const float *, int)'));
    expect(dot(3, Float32Array.of(1, 2, 3), 1, Float32Array.of(4, 5, 6), 1)).toBe(32);
    const declaration = 'void no_such_function_(int)';
    expect(problemsOf(func(declaration))).toMatchObject([{ expected: declaration }]);
  });

  it('has stacks for the threaded LU of LAPACK, which overflows the usual ones', async () => {
    const n = 1024;
    const lu = right(
      right(await openBlas({ threads: 2 })).func('int sgetrf_(int *, int *, float *, int *, int *, int *)'),
    );
    const A = Float32Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 8 : Math.sin(i)));
    const [size, info] = [Int32Array.of(n), Int32Array.of(-1)];
    lu(size, size, A, size, new Int32Array(n), info);
    expect(info[0]).toBe(0);
  });
});

describe('without OpenBLAS', () => {
  it('says what to install where no library is found', async () => {
    const [problem] = problemsOf(await openBlas({ path: 'libnosuchblas.so' }));
    expect(problem).toMatchObject({ at: 'OpenBLAS', hint: expect.stringMatching(/^install OpenBLAS/) as string });
  });

  it('refuses a library that is another', async () => {
    if (process.platform !== 'linux' || E.isLeft(found)) return;
    expect(problemsOf(await openBlas({ path: 'libm.so.6' }))).toMatchObject([{ expected: 'OpenBLAS' }]);
  });

  it.each([0, -1, 1.5, NaN])('refuses %s threads', async (threads) => {
    expect(problemsOf(await openBlas({ threads }))).toMatchObject([{ at: 'OpenBLAS threads' }]);
  });

  it('asks for koffi where there is no Node', async () => {
    vi.stubGlobal('process', undefined);
    const none = await openBlas({ path: 'another name' });
    vi.unstubAllGlobals();
    expect(problemsOf(none)).toMatchObject([{ hint: 'install it: npm install koffi' }]);
  });
});

/** Calls in parts, in threads: the same bits as in one. */
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { E } from '../../../src/fp.js';
import { newBoard } from '../../../src/ops/threads/board.js';
import { performer } from '../../../src/ops/threads/calls.js';
import { partsOf } from '../../../src/ops/threads/cut.js';
import { teamGemm } from '../../../src/ops/threads/gemm.js';
import { startTeam, type StartedTeam } from '../../../src/ops/threads/start.js';
import { together } from '../../../src/ops/threads/team.js';
import { openTools } from '../../../src/ops/threads/tools.js';
import { problemsOf, right } from '../../setup/result.js';
import { numbers } from '../arbitrary.js';
import { afterOn, cases, FIRST } from '../kernels/gemm-cases.js';

const memory = new WebAssembly.Memory({ initial: 256, maximum: 1024, shared: true } as WebAssembly.MemoryDescriptor);
const free = { at: 2 ** 23 };
const heap = {
  memory,
  allocate: (bytes: number): number => {
    free.at += bytes;
    return free.at - bytes;
  },
};
const tools = right(await openTools(heap, 'plain', undefined));
const perform = performer(tools);
/** Three threads that share whatever can be cut. */
const started: StartedTeam = right(await startTeam(heap, perform, { kind: 'plain', threads: 3, worth: 1 }));
afterAll(() => started.stop());

describe('parts', () => {
  it('cover every unit once, in multiples of the grain, and move the arguments that lie along', () => {
    const cuts = fc.record({
      count: fc.integer({ min: 1, max: 500 }),
      work: fc.integer({ min: 1, max: 100 }),
      grain: fc.constantFrom(1, 8, 12),
      parts: fc.integer({ min: 2, max: 9 }),
      worth: fc.constantFrom(1, 1000, 1e6),
    });
    fc.assert(
      fc.property(cuts, ({ count, work, grain, parts: most, worth }) => {
        const parts = partsOf(
          [1000, 7, count, 50],
          { counted: 2, steps: [4, 0], apart: [0, 0, 0, 9], work, grain },
          { parts: most, worth },
        );
        const begins = parts.map(([at]) => (at! - 1000) / 4);
        const counts = parts.map((part) => part[2]!);
        expect(begins).toEqual(counts.map((_, i) => counts.slice(0, i).reduce((a, b) => a + b, 0)));
        expect(counts.reduce((a, b) => a + b, 0)).toBe(count);
        expect(counts.slice(0, -1).every((n) => n % grain === 0)).toBe(true);
        expect(parts.every(([, fixed]) => fixed === 7)).toBe(true);
        expect(parts.map((part) => part[3])).toEqual(parts.map((_, i) => 50 + 9 * i));
        expect(parts.length).toBeLessThanOrEqual(most);
        if (count * work < 2 * worth) expect(parts.length).toBe(1);
      }),
    );
  });
});

describe('a team', () => {
  it('multiplies to the bits of one thread, for any sizes, transposes and strides, and writes to C alone', () => {
    const after = afterOn(memory);
    const gemm = teamGemm(started.team, tools.gemm);
    fc.assert(
      fc.property(cases, (c) => {
        expect(Buffer.from(after(gemm, c).buffer).equals(Buffer.from(after(tools.gemm, c).buffer))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it.each(['fma', 'native'] as const)(
    'multiplies by %s where that can be had, in memory that has grown',
    async (kind) => {
      const native = { threads: 1 };
      const own = await openTools(heap, kind, native);
      if (E.isLeft(own)) return;
      const others = right(await startTeam(heap, performer(own.right), { kind, native, threads: 2, worth: 1 }));
      const gemm = teamGemm(others.team, own.right.gemm);
      const n = 150;
      for (let round = 0; round < 5; round++) {
        const at = memory.grow(5) * 65536;
        const view = (i: number): Float32Array => new Float32Array(memory.buffer, at + 4 * n * n * i, n * n);
        const place = (i: number) => ({ at: at + 4 * n * n * i, stride: n, transposed: false });
        [0, 1].forEach((i) => view(i).set(numbers(i + round, n * n)));
        tools.gemm({ m: n, n, k: n }, place(0), place(1), place(2), false);
        const plain = view(2).slice();
        view(2).fill(NaN);
        gemm({ m: n, n, k: n }, place(0), place(1), place(2), false);
        expect(view(2)).toBeAllClose(plain, { rtol: 1e-5, atol: 1e-5 });
      }
      await others.stop();
    },
  );

  it('leaves no part to threads that are late, and none undone: counts of calls over many rounds', () => {
    const [x, y] = [FIRST, FIRST + 4 * 4096];
    const [from, to] = [x, y].map((at) => new Float32Array(memory.buffer, at, 4096)) as [Float32Array, Float32Array];
    const cut = { counted: 2, steps: [4, 4], work: 1, grain: 16 };
    for (let round = 0; round < 500; round++) {
      from.fill(round / 100);
      to.fill(-1);
      started.team.share('silu', [x, y, 4096], cut);
      expect(to.every((v) => v === to[0] && v >= 0)).toBe(true);
    }
  });

  it('tells of calls that fail, here or in a thread, when all are over, and goes on', () => {
    const beyond = 2 ** 31;
    const cut = { counted: 2, steps: [4, 4], work: 1, grain: 16 };
    for (let round = 0; round < 20; round++) {
      expect(() => started.team.share('silu', [beyond, beyond, 4096], cut)).toThrow(/\d of \d calls failed/);
      const [x, y] = [FIRST, FIRST + 4 * 4096];
      new Float32Array(memory.buffer, x, 4096).set(numbers(round, 4096));
      tools.e.silu(x, y, 4096);
      const alone = new Float32Array(memory.buffer, y, 4096).slice();
      new Float32Array(memory.buffer, y, 4096).fill(0);
      started.team.share('silu', [x, y, 4096], cut);
      expect(new Float32Array(memory.buffer, y, 4096).slice()).toEqual(alone);
    }
  });

  it('does every call itself where nobody serves the board, more of them than it holds', () => {
    const seen: number[] = [];
    const lonely = together(newBoard(), (_, args) => void seen.push(args[0]!), 50, 1);
    lonely.share('silu', [0, 0, 100], { counted: 2, steps: [1, 0], work: 1, grain: 1 });
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it('does not start without what its products need', async () => {
    const options = { kind: 'native', native: { path: 'libnosuchblas.so' }, threads: 2 } as const;
    const [problem] = problemsOf(await startTeam(heap, perform, options));
    expect(problem).toMatchObject({
      at: 'backend wasm threads',
      found: expect.stringMatching(/libnosuchblas/) as string,
    });
    expect(E.isRight(await startTeam(heap, perform, { kind: 'plain', threads: 1 }))).toBe(true);
  });
});

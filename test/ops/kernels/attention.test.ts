/** Attention by parts: groups of heads give the same bits alone and together, and write to their own heads. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attend, attendGrad, attendGradRoom, type Attention, type Part } from '../../../src/ops/kernels/attention.js';
import { openElements } from '../../../src/ops/kernels/elements.js';
import { plainGemm } from '../../../src/ops/kernels/gemm.js';
import { numbers } from '../arbitrary.js';

const memory = new WebAssembly.Memory({ initial: 64 });
const WORKSPACE = 2 ** 16;
const FIRST = 2 ** 21;

const gemm = await plainGemm({ memory, allocate: () => WORKSPACE });
const e = await openElements(memory);

/** Places of matrices one after the other, with a gap. */
const placesOf = (sizes: ReadonlyArray<number>): ReadonlyArray<number> => {
  const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((sum, n) => sum + n + 4, 0));
  return starts.map((start) => FIRST + 4 * start);
};

const size = (max: number) => fc.integer({ min: 1, max });

const cases = fc
  .record({
    B: size(2),
    G: size(3),
    g: size(2),
    S: fc.constantFrom(1, 7, 50),
    past: fc.nat(3),
    d: size(9),
    e: size(9),
    masked: fc.boolean(),
    seed: fc.integer(),
  })
  .map(({ B, G, g, S, past, d, e: wide, masked, seed }) => {
    const sizes = { B, G, H: G * g, S, T: S + past, d, e: wide };
    const { H, T } = sizes;
    const inputs = [B * H * S * d, B * G * T * d, B * G * T * wide, B * S * H * wide, masked ? H * S * T : 0];
    const outputs = [B * S * H * wide, B * H * S * d, B * G * T * d, B * G * T * wide];
    return { sizes, inputs, outputs, masked, seed };
  });

type Case = typeof cases extends fc.Arbitrary<infer C> ? C : never;

/** Result and gradients after parts that end at some groups. */
const after = ({ sizes, inputs, outputs, masked, seed }: Case, ends: ReadonlyArray<number>): Float32Array => {
  if (e === undefined) throw new Error('WebAssembly SIMD is missing');
  const [q, k, v, dy, mask, y, dq, dk, dv, room] = placesOf([...inputs, ...outputs, attendGradRoom(sizes)]) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  new Float32Array(memory.buffer, FIRST, (y - FIRST) / 4).set(numbers(seed, (y - FIRST) / 4));
  const results = new Float32Array(memory.buffer, y, (room - y) / 4).fill(0);
  const { S, T } = sizes;
  const attention: Attention = {
    sizes,
    scale: 0.7,
    q,
    k,
    v,
    ...(masked ? { mask: { at: mask, steps: [0, 4 * S * T, 4 * T] } } : {}),
  };
  ends.forEach((to, i) => {
    const part: Part = { from: ends[i - 1] ?? 0, to, room };
    attend({ e, gemm }, attention, part, y);
    attendGrad({ e, gemm }, attention, part, { dy, dq, dk, dv });
  });
  return results.slice();
};

describe('attention', () => {
  it('gives the same bits by parts', () => {
    fc.assert(
      fc.property(cases, fc.nat(), (c, cut) => {
        const groups = c.sizes.B * c.sizes.G;
        expect(after(c, [cut % groups, groups])).toEqual(after(c, [groups]));
      }),
      { numRuns: 50 },
    );
  });

  it('leaves the heads of other groups alone', () => {
    fc.assert(
      fc.property(cases, (c) => {
        const { B, G } = c.sizes;
        fc.pre(B * G > 1);
        const [first, whole] = [after(c, [1]), after(c, [B * G])];
        first.forEach((x, i) => expect(x === 0 || x === whole[i]).toBe(true));
        expect(first).not.toEqual(whole);
      }),
      { numRuns: 20 },
    );
  });
});

/**
 * The vectors of the facts about PEFT: what its methods draw from torch's and numpy's streams.
 */
import { describe, expect, it } from 'vitest';
import { decodeFloats, encodeFloats } from '../../../src/ops/dtype.js';
import {
  numpyChoice,
  numpyShuffle,
  pcg64,
  TORCH_DEFAULT_SEED,
  torchBernoulli,
  torchGenerator,
  torchKaimingUniform,
  torchNormal,
  torchRand,
  torchRandint,
  torchRandn,
  torchRandperm,
  torchUniform,
} from '../../../src/ops/torch-random/index.js';

/** Nine digits are enough to tell any two float32 numbers apart. */
const digits = (values: Iterable<number>): ReadonlyArray<number> => [...values].map((x) => Number(x.toPrecision(9)));

const start = (values: Float32Array, n: number): ReadonlyArray<number> => digits(values.subarray(0, n));

describe('raw streams', () => {
  it('draw integers and permutations', () => {
    expect([...torchRandint(torchGenerator(0), 3, 0, 2 ** 31)]).toEqual([398764591, 1478610112, 1537364731]);
    expect([...torchRandperm(torchGenerator(777), 96, 10)]).toEqual([71, 15, 81, 77, 51, 57, 33, 22, 79, 31]);
    expect([...torchRandperm(torchGenerator(0), 10)]).toEqual([4, 1, 7, 5, 3, 9, 0, 8, 6, 2]);
    expect([...torchRandperm(torchGenerator(TORCH_DEFAULT_SEED), 10)]).toEqual([0, 3, 7, 5, 2, 9, 8, 1, 4, 6]);
    expect([...torchBernoulli(torchGenerator(0), new Float32Array(8).fill(0.5))]).toEqual([1, 0, 1, 1, 1, 0, 1, 0]);
  });

  it('draw uniform numbers', () => {
    expect(digits(torchRand(torchGenerator(0), 4))).toEqual([0.49625659, 0.768221796, 0.0884774327, 0.132030487]);
    expect(digits(torchUniform(torchGenerator(0), 6, -0.5, 0.7))).toEqual([
      0.0955079347, 0.421866179, -0.393827081, -0.341563404, -0.131092608, 0.260894448,
    ]);
    expect(start(torchKaimingUniform(torchGenerator(0), [4, 8], { a: Math.sqrt(5) }), 4)).toEqual([
      -0.00264699059, 0.189661443, -0.290990382, -0.260193735,
    ]);
    expect(digits(torchUniform(torchGenerator(0), 4, -1, 1, 'BF16'))).toEqual([
      -0.00747680664, 0.53515625, -0.82421875, -0.734375,
    ]);
  });

  it('draw normal numbers', () => {
    const blocks = torchRandn(torchGenerator(0), 16);
    expect(start(blocks, 4)).toEqual([-1.12583983, -1.1523602, -0.250578582, -0.433878809]);
    expect(digits(blocks.subarray(14))).toEqual([1.11677718, -0.247278154]);
    const tail = torchRandn(torchGenerator(0), 20);
    expect(digits([0, 3, 4, 19].map((i) => tail[i]!))).toEqual([-1.12583983, -0.433878809, 0.598839462, 0.0537369028]);
    expect(digits(torchRandn(torchGenerator(0), 3))).toEqual([1.54099607, -0.293428898, -2.17878938]);
  });
});

describe("PEFT's redraws", () => {
  it('TinyLoRA: the projection P of rank 3', () => {
    expect(start(torchNormal(torchGenerator(42), 36, 0, 1 / Math.sqrt(3)), 4)).toEqual([
      1.11250508, 0.858683825, 0.520029306, -1.21562302,
    ]);
  });

  it('VeRA: A of (4, 8), then B of (12, 4)', () => {
    const g = torchGenerator(0);
    expect(start(torchKaimingUniform(g, [4, 8]), 3)).toEqual([-0.00648377649, 0.464573771, -0.712777972]);
    expect(start(torchKaimingUniform(g, [12, 4]), 3)).toEqual([-0.793854713, -0.563790321, -0.855656385]);
  });

  it('RandLoRA: A of (3, 1, 8), then three bases B of (12, 1, 3), over their standard deviation, in bfloat16', () => {
    const half = (values: Iterable<number>): Float32Array =>
      decodeFloats('BF16', encodeFloats('BF16', Float32Array.from(values)));
    const standard = (values: ReadonlyArray<number>): ReadonlyArray<number> => {
      const mean = values.reduce((s, x) => s + x, 0) / values.length;
      const variance = values.reduce((s, x) => s + (x - mean) ** 2, 0) / (values.length - 1);
      const [std] = half([Math.sqrt(variance)]);
      return [...half(values.map((x) => x / std!))];
    };
    const g = torchGenerator(0);
    const settings = { a: Math.sqrt(5), dtype: 'BF16' } as const;
    const a = standard([...torchKaimingUniform(g, [3, 1, 8], settings)]);
    expect(digits(a.slice(0, 4))).toEqual([-0.0139160156, 1, -1.5390625, -1.375]);
    const bases = Array.from({ length: 3 }, () => torchKaimingUniform(g, [12, 1, 3], settings));
    const b = standard(bases.flatMap((basis) => [...basis]));
    expect(digits(b.slice(0, 3))).toEqual([-0.275390625, 0.1796875, 1.5390625]);
  });

  it('SHiRA: the places of a (12, 8) mask of rank 1', () => {
    const places = [...torchRandperm(torchGenerator(5), 12 * 8, 12 + 8)].toSorted((i, j) => i - j);
    expect(places.map((i) => Math.floor(i / 8))).toEqual([
      0, 0, 0, 2, 2, 3, 3, 4, 4, 4, 4, 5, 6, 6, 8, 8, 10, 11, 11, 11,
    ]);
    expect(places.map((i) => i % 8)).toEqual([1, 3, 4, 4, 7, 5, 6, 2, 3, 4, 7, 5, 6, 7, 0, 7, 1, 0, 3, 6]);
  });

  it.each([
    [
      40,
      [
        8, 1, 9, 4, 1, 9, 4, 1, 6, 7, 5, 5, 8, 6, 2, 6, 7, 7, 6, 1, 7, 2, 5, 2, 9, 5, 4, 0, 0, 3, 4, 8, 3, 3, 9, 0, 8,
        0, 3, 2,
      ],
    ],
    [13, [4, 8, 6, 6, 9, 9, 7, 3, 0, 1, 5, 0, 2]],
  ])('Uni-LoRA: the indices of %i entries in 10', (total, expected) => {
    const g = pcg64(42);
    const base = Math.floor(total / 10);
    const whole = Array.from({ length: base * 10 }, (_, i) => Math.floor(i / base));
    const rest = total % 10 === 0 ? [] : numpyChoice(g, 10, total % 10);
    expect([...numpyShuffle(g, Int32Array.from([...whole, ...rest]))]).toEqual(expected);
  });
});

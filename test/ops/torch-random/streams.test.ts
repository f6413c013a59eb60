/**
 * Every stream of test/golden/torch-random/streams.json, bit for bit: drawn by torch and numpy themselves.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as random from '../../../src/ops/torch-random/index.js';

type Values = Float32Array | Int32Array | BigInt64Array;

interface Stream {
  readonly of: string;
  readonly seed: string;
  readonly args: ReadonlyArray<unknown>;
  readonly ends: readonly [number | string, number | string];
  readonly hash: string;
}

const streams = JSON.parse(
  readFileSync(new URL('../../golden/torch-random/streams.json', import.meta.url), 'utf8'),
) as ReadonlyArray<Stream>;

const to64 = Array.from({ length: 64 }, (_, i) => i + 1);

const torch = (seed: bigint): random.TorchGenerator => random.torchGenerator(seed);

/** All kinds of draws in turn from one generator, as the script draws them. */
const mixed = (seed: bigint): Float32Array => {
  const g = torch(seed);
  return Float32Array.from(
    [3, 20, 1, 15, 16, 17, 2, 100, 5].flatMap((n) =>
      [
        random.torchRandn(g, n),
        random.torchUniform(g, n, -1, 2),
        random.torchRandperm(g, n),
        random.torchNormal(g, n, 0.5, 2, 'BF16'),
        random.torchRandint(g, n, -7, 11),
        random.torchRandint(g, n, 0, 2 ** 30),
        random.torchRandperm(g, 1000 + n, 5),
        random.torchBernoulli(g, new Float32Array(n).fill(0.4)),
      ].flatMap((part) => [...part]),
    ),
  );
};

const count = (n: number): Int32Array => Int32Array.from({ length: n }, (_, i) => i);

/** Draws a stream from its arguments, which are typed by its name. */
const draw: Readonly<Record<string, (seed: bigint, ...args: never[]) => Values>> = {
  'rand 1 to 64': (seed) => Float32Array.from(to64.flatMap((n) => [...random.torchRand(torch(seed), n)])),
  'randn 1 to 64': (seed) => Float32Array.from(to64.flatMap((n) => [...random.torchRandn(torch(seed), n)])),
  'randperm 1 to 64': (seed) => Int32Array.from(to64.flatMap((n) => [...random.torchRandperm(torch(seed), n)])),
  mixed,
  randn: (seed, n: number) => random.torchRandn(torch(seed), n),
  uniform: (seed, n: number, from: number, to: number, dtype: random.TorchFloat) =>
    random.torchUniform(torch(seed), n, from, to, dtype),
  normal: (seed, n: number, mean: number, std: number, dtype: random.TorchFloat) =>
    random.torchNormal(torch(seed), n, mean, std, dtype),
  randint: (seed, n: number, low: number, high: number) => random.torchRandint(torch(seed), n, low, high),
  randint64: (seed, n: number, low: string, high: string) =>
    random.torchRandint64(torch(seed), n, BigInt(low), BigInt(high)),
  bernoulli: (seed, n: number, p: number) => random.torchBernoulli(torch(seed), new Float32Array(n).fill(p)),
  kaiming: (seed, shape: number[], a: number, mode: 'fan_in' | 'fan_out', dtype: random.TorchFloat) =>
    random.torchKaimingUniform(torch(seed), shape, { a, mode, dtype }),
  randperm: (seed, n: number, k: number) => random.torchRandperm(torch(seed), n, k),
  svd_lowrank: (seed, m: number, n: number, q: number) => random.svdLowrankTestMatrix(torch(seed), m, n, q),
  choice: (seed, n: number, k: number) => random.numpyChoice(random.pcg64(seed), n, k),
  shuffle: (seed, n: number) => random.numpyShuffle(random.pcg64(seed), count(n)),
  'choice, then shuffle': (seed) => {
    const g = random.pcg64(seed);
    const extras = random.numpyChoice(g, 100, 33);
    return random.numpyShuffle(g, Int32Array.from([...count(200).map((i) => i >> 1), ...extras]));
  },
  'weighted choice': (seed, n: number, k: number) =>
    random.numpyWeightedChoice(random.numpyRandomState(Number(seed)), new Float64Array(n).fill(Math.fround(1 / n)), k),
};

const endsOf = (values: Values): ReadonlyArray<number | string> =>
  [values.at(0), values.at(-1)].map((x) => (typeof x === 'bigint' ? `${x}` : (x as number)));

const hashOf = (values: Values): string =>
  createHash('sha256')
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest('hex')
    .slice(0, 16);

describe('streams of torch and numpy', () => {
  it.each(streams.map((s) => [s.of, s.seed, JSON.stringify(s.args), s] as const))(
    '%s, seed %s, %s',
    (of, seed, _args, { args, ends, hash }) => {
      const values = draw[of]!(BigInt(seed), ...(args as never[]));
      expect(endsOf(values)).toEqual(ends);
      expect(hashOf(values)).toBe(hash);
    },
  );
});

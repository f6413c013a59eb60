import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attention } from '../../../src/models/layers/attention.js';
import { causalMask } from '../../../src/models/layers/mask.js';
import { read, tensorOf } from '../../../src/ops/backend.js';
import type { tf } from '../../../src/ops/tf.js';

type Four = readonly [number, number, number, number];

/** Values of a tensor [B, H, T, d], reproducible from a seed. */
const values = ([B, H, T, d]: Four, seed: number): Float32Array =>
  Float32Array.from({ length: B * H * T * d }, (_, i) => Math.sin(seed + 1.7 * i) * 1.5);

/** Attention by its definition, one query at a time; `sees(b, i, j)` is the mask. */
const reference = (
  [B, H, S, d]: Four,
  [, G, T, e]: Four,
  [q, k, v]: readonly [Float32Array, Float32Array, Float32Array],
  scale: number,
  sees: (b: number, i: number, j: number) => boolean,
  sinks?: ReadonlyArray<number>,
): ReadonlyArray<number> => {
  const out = Array.from({ length: B * S * H * e }, () => 0);
  for (let b = 0; b < B; b++)
    for (let h = 0; h < H; h++)
      for (let i = 0; i < S; i++) {
        const group = b * G + Math.floor((h * G) / H);
        const keys = Array.from({ length: T }, (_, j) => j).filter((j) => sees(b, i, j));
        const score = (j: number): number => {
          let sum = 0;
          for (let c = 0; c < d; c++)
            sum += (q[((b * H + h) * S + i) * d + c] as number) * (k[(group * T + j) * d + c] as number);
          return Math.exp(sum * scale);
        };
        const sink = sinks === undefined ? 0 : Math.exp(sinks[h] as number);
        const total = keys.reduce((sum, j) => sum + score(j), sink);
        for (const j of keys)
          for (let c = 0; c < e; c++) {
            const at = ((b * S + i) * H + h) * e + c;
            out[at] = (out[at] as number) + (score(j) / total) * (v[(group * T + j) * e + c] as number);
          }
      }
  return out;
};

const small = fc.integer({ min: 1, max: 3 });

const sizes = fc.record({
  B: small,
  G: small,
  g: small,
  T: fc.integer({ min: 1, max: 5 }),
  past: fc.integer({ min: 0, max: 2 }),
  d: small,
  e: small,
});

describe('attention', () => {
  it('is the definition with every key-value head repeated for its group', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.option(fc.integer({ min: 1, max: 4 })), async ({ B, G, g, T, past, d, e }, window) => {
        const [q, k, v]: readonly [Four, Four, Four] = [
          [B, G * g, T, d],
          [B, G, T + past, d],
          [B, G, T + past, e],
        ];
        const data = [values(q, 1), values(k, 2), values(v, 3)] as const;
        const mask = causalMask({ queries: T, keys: T + past, window: window ?? undefined });
        const y = attention(tensorOf(data[0], q), tensorOf(data[1], k), tensorOf(data[2], v), { scale: 0.7, mask });
        const sees = (_: number, i: number, j: number) => j <= i + past && j > i + past - (window ?? Infinity);
        expect(y.shape).toEqual([B, T, G * g * e]);
        expect(await read(y)).toBeAllClose(reference(q, [B, G, T + past, e], data, 0.7, sees));
      }),
      { numRuns: 40, seed: 7 },
    );
  });

  it('sees every key without a mask', async () => {
    const [q, k]: readonly [Four, Four] = [
      [2, 2, 3, 2],
      [2, 1, 4, 2],
    ];
    const data = [values(q, 1), values(k, 2), values(k, 3)] as const;
    const y = attention(tensorOf(data[0], q), tensorOf(data[1], k), tensorOf(data[2], k), { scale: 1 });
    expect(await read(y)).toBeAllClose(reference(q, k, data, 1, () => true));
  });
});

describe('attention sinks', () => {
  it('take their share of the weights and give nothing for it', async () => {
    const [q, k]: readonly [Four, Four] = [
      [2, 4, 3, 2],
      [2, 2, 3, 2],
    ];
    const data = [values(q, 1), values(k, 2), values(k, 3)] as const;
    const sinks = [-1, 0, 0.5, 2];
    const mask = causalMask({ queries: 3, keys: 3 });
    const y = attention(tensorOf(data[0], q), tensorOf(data[1], k), tensorOf(data[2], k), {
      scale: 0.7,
      mask,
      sinks: tensorOf(Float32Array.from(sinks), [4]),
    });
    expect(y.shape).toEqual([2, 3, 8]);
    expect(await read(y)).toBeAllClose(reference(q, k, data, 0.7, (_, i, j) => j <= i, sinks));
  });

  it('take all of a query that sees nothing', async () => {
    const mask = causalMask({ queries: 2, keys: 2, padding: tensorOf(Int32Array.from([0, 1]), [1, 2]) });
    const one = tensorOf(Float32Array.from([2, 4]), [1, 1, 2, 1]);
    const sinks = tensorOf(Float32Array.from([-50]), [1]);
    const y = await read(attention(one, one, one, { scale: 1, mask, sinks }));
    expect([...y]).toEqual([0, 4]);
  });
});

describe('causalMask', () => {
  const seen = async (mask: tf.Tensor) => Array.from(await read(mask), (x) => (x === 0 ? 1 : 0));

  it('hides later keys', async () => {
    expect(await seen(causalMask({ queries: 3, keys: 3 }))).toEqual([1, 0, 0, 1, 1, 0, 1, 1, 1]);
  });

  it('counts the query itself in the window', async () => {
    expect(await seen(causalMask({ queries: 3, keys: 3, window: 2 }))).toEqual([1, 0, 0, 1, 1, 0, 0, 1, 1]);
    expect(await seen(causalMask({ queries: 2, keys: 2, window: 1 }))).toEqual([1, 0, 0, 1]);
  });

  it('takes queries as the last of the keys', async () => {
    expect(await seen(causalMask({ queries: 1, keys: 3 }))).toEqual([1, 1, 1]);
    expect(await seen(causalMask({ queries: 2, keys: 3 }))).toEqual([1, 1, 0, 1, 1, 1]);
  });

  it('hides padding of each sequence', async () => {
    const padding = tensorOf(Int32Array.from([1, 1, 0, 1]), [2, 2]);
    const mask = causalMask({ queries: 2, keys: 2, padding });
    expect(mask.shape).toEqual([2, 1, 2, 2]);
    expect(await seen(mask)).toEqual([1, 0, 1, 1, 0, 0, 0, 1]);
  });

  it('gives equal weights, and no NaN, to a query that sees nothing', async () => {
    const mask = causalMask({ queries: 2, keys: 2, padding: tensorOf(Int32Array.from([0, 1]), [1, 2]) });
    const one = tensorOf(Float32Array.from([2, 4]), [1, 1, 2, 1]);
    expect([...(await read(attention(one, one, one, { scale: 1, mask })))]).toEqual([3, 4]);
  });
});

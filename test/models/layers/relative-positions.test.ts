import { describe, expect, it } from 'vitest';
import { bucketOf, relativeBias, type Buckets } from '../../../src/models/layers/relative-positions.js';
import { read } from '../../../src/ops/backend.js';
import { goldenJson, wave } from '../language-models.js';

interface Case extends Buckets {
  readonly from_: number;
  readonly buckets: ReadonlyArray<number>;
}

describe('bucketOf', () => {
  it.each(goldenJson<ReadonlyArray<Case>>('buckets.json'))(
    '$count buckets up to $maxDistance, bidirectional: $bidirectional, are those of transformers',
    ({ from_, buckets, ...options }) => {
      expect(buckets.map((_, i) => bucketOf(from_ + i, options))).toEqual(buckets);
    },
  );
});

describe('relativeBias', () => {
  const options = { count: 8, maxDistance: 12, bidirectional: true };
  const p = { 'a.weight': wave([8, 3], 1) };

  it('is the weight of the bucket of each distance, for every head', async () => {
    const bias = relativeBias(p, 'a', { queries: 3, keys: 3 }, options);
    expect(bias.shape).toEqual([1, 3, 3, 3]);
    const [b, W] = [await read(bias), await read(p['a.weight'])];
    for (const h of [0, 1, 2])
      for (const i of [0, 1, 2])
        for (const j of [0, 1, 2]) expect(b[h * 9 + i * 3 + j]).toBe(W[bucketOf(j - i, options) * 3 + h]);
  });

  it('has the last queries at the end of the keys', async () => {
    const all = await read(relativeBias(p, 'a', { queries: 5, keys: 5 }, options));
    const last = await read(relativeBias(p, 'a', { queries: 2, keys: 5 }, options));
    for (const h of [0, 1, 2]) expect(last.slice(h * 10, h * 10 + 10)).toEqual(all.slice(h * 25 + 15, h * 25 + 25));
  });
});

import { describe, expect, it } from 'vitest';
import { multiheadAttention } from '../../../src/models/layers/multihead-attention.js';
import { read, tensorOf } from '../../../src/ops/backend.js';
import multihead from '../../golden/models/multihead.json' with { type: 'json' };

/** Values of `n` entries that the script behind multihead.json has too: sin(seed + i). */
const wave = (shape: ReadonlyArray<number>, seed: number) =>
  tensorOf(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(seed + i)),
    [...shape],
  );

const weights = {
  'mha.in_proj_weight': wave([18, 6], 1),
  'mha.in_proj_bias': wave([18], 2),
  'mha.out_proj.weight': wave([6, 6], 3),
  'mha.out_proj.bias': wave([6], 4),
};

describe('multiheadAttention', () => {
  it.each(multihead)('gives what torch gives: $name', async ({ query, key, heads, output }) => {
    const x = { query: wave(query, 5), key: wave(key, 6), value: wave(key, 7) };
    const y = multiheadAttention(weights, 'mha', x, heads);
    expect(y.shape).toEqual(query);
    expect(await read(y)).toBeAllClose(output);
  });
});

import { describe, expect, it } from 'vitest';
import { attach } from '../../src/adapters/apply.js';
import { identity } from '../../src/adapters/combine.js';
import type { ModelWeights } from '../../src/adapters/attached.js';
import { dense, lowRank, type WeightUpdate } from '../../src/adapters/update.js';
import { disposePrepared, prepareForDecode } from '../../src/models/prepare.js';
import { currentBackend, numTensors, read } from '../../src/ops/backend.js';
import { recordOf } from '../../src/ops/tensor.js';
import { baseWeights } from './golden.js';
import { integers, modelFor, variants, wave } from './language-models.js';

const close = { rtol: 1e-5, atol: 1e-5 };

describe.each(variants)('prepareForDecode of $base', (variant) => {
  const model = modelFor(variant);
  const logits = async (p: ModelWeights, ids: ReadonlyArray<number>) =>
    read(model.run(p, { inputIds: integers([ids]) }).logits);

  it('changes no logits, of one token or of many', async () => {
    const p = baseWeights(variant.base);
    const prepared = prepareForDecode(model, p);
    for (const ids of [[3], [5, 9, 40, 7, 7, 1, 88, 2, 4]])
      expect(await logits(prepared, ids)).toBeAllClose(await logits(p, ids), close);
  });

  it('changes none of attached weights', async () => {
    const p = baseWeights(variant.base);
    const keys = model.projections.filter((key) => Object.hasOwn(p, key));
    const updates = keys.map((key, i): readonly [string, WeightUpdate] => {
      const [out, inner] = (p[key] as ReturnType<typeof wave>).shape as [number, number];
      return [
        key,
        i % 2 === 0 ? lowRank(wave([out, 2], i), wave([2, inner], i + 1), 0.05) : dense(wave([out, inner], i), 0.02),
      ];
    });
    const attached = { ...attach(identity, p), updates: recordOf(updates) };
    const wanted = await logits(attached, [5, 9, 40]);
    expect(await logits(prepareForDecode(model, attached), [5, 9, 40])).toBeAllClose(wanted, close);
    expect(wanted).not.toBeAllClose(await logits(p, [5, 9, 40]), { atol: 1e-2 });
  });

  it('copies once, and disposePrepared frees the copies alone', () => {
    const p = baseWeights(variant.base);
    const before = numTensors();
    const prepared = prepareForDecode(model, p);
    const copies = model.projections.filter((key) => Object.hasOwn(p, key)).length;
    expect(copies).toBeGreaterThan(0);
    expect(numTensors()).toBe(before + (currentBackend() === 'wasm' ? copies : 0));
    expect(prepareForDecode(model, prepared)).toBe(prepared);
    disposePrepared(prepared, p);
    expect(numTensors()).toBe(before);
    expect(Object.values(p).some((t) => t.isDisposed)).toBe(false);
  });
});

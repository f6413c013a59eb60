import { describe, expect, it } from 'vitest';
import type { Adapter, Leaf, Mergeable } from '../../src/adapters/adapter.js';
import { apply } from '../../src/adapters/apply.js';
import { compose, mergeable, scale, sum } from '../../src/adapters/combine.js';
import { decodeAdapter } from '../../src/adapters/decode.js';
import { hira } from '../../src/adapters/methods/hira.js';
import { ia3 } from '../../src/adapters/methods/ia3.js';
import { lora } from '../../src/adapters/methods/lora/lora.js';
import { poly } from '../../src/adapters/methods/poly.js';
import { approximate, rankFor } from '../../src/adapters/low-rank-of.js';
import { toLora } from '../../src/adapters/to-lora.js';
import type { ModelSpec } from '../../src/models/spec.js';
import { dispose, numTensors, read, scope, tensorOf } from '../../src/ops/backend.js';
import { matMul } from '../../src/ops/mat-mul.js';
import { key, normal } from '../../src/ops/random.js';
import { mapRecord, type Weights } from '../../src/ops/tensor.js';
import { tf } from '../../src/ops/tf.js';
import { encodeFloats } from '../../src/ops/dtype.js';
import { problemsOf, right } from '../setup/result.js';
import { golden, spec, weights, type Stored } from './inits/starts.js';
import { adapterOf, convOf, linearOf, modelOf, weightsOf } from './methods/trial.js';

/** The LoHa adapter that PEFT converted. */
const loha = (): Leaf => {
  const raw = (x: Stored) => ({
    dtype: 'F32' as const,
    shape: x.shape,
    bytes: encodeFloats('F32', Float32Array.from(x.data)),
  });
  const tensors = new Map(Object.entries(golden.loha).map(([name, x]) => [name.replace('.default', ''), raw(x)]));
  const config = { peft_type: 'LOHA', r: 2, alpha: 3, target_modules: ['a', 'c'], init_weights: false };
  return right(decodeAdapter({ config, tensors }, spec)).adapter;
};

const mergedBy = (adapter: Adapter, W: Weights): Weights => apply(right(mergeable(adapter)) as Adapter<Mergeable>, W);

/** The largest difference between what two adapters make of weights. */
const apart = async (a: Adapter, b: Adapter, W: Weights): Promise<number> => {
  const [x, y] = [mergedBy(a, W), mergedBy(b, W)];
  let most = 0;
  for (const name of Object.keys(W)) {
    const [u, v] = [await read(x[name]!), await read(y[name]!)];
    u.forEach((value, i) => (most = Math.max(most, Math.abs(value - v[i]!))));
  }
  return most;
};

const why = async (result: ReturnType<typeof toLora>): Promise<string> =>
  problemsOf(await result)
    .map((p) => `${p.at}: ${p.expected} / ${p.found}. ${p.hint}`)
    .join('\n');

const mixed: ModelSpec = modelOf(
  linearOf('lin', 6, 8),
  { name: 'turned', kind: 'Conv1D', params: { weight: [8, 6], bias: [6] } },
  convOf('conv', 6, 4, 2),
  { name: 'emb', kind: 'Embedding', params: { weight: [9, 5] } },
);

describe('toLora against PEFT', () => {
  it.each(golden.converted.map((c) => [c.asked, c.result] as const))('%s', async (asked, expected) => {
    const keep = Number.isInteger(asked) && asked > 1 ? { rank: asked } : { energy: asked };
    const { adapter } = right(await toLora(loha(), keep));
    const { r, lora_alpha, rank_pattern, alpha_pattern, target_modules } = adapter.config as never as typeof expected;
    expect({ r, lora_alpha, rank_pattern, alpha_pattern, target_modules }).toEqual({
      r: expected.r,
      lora_alpha: expected.lora_alpha,
      rank_pattern: expected.rank_pattern,
      alpha_pattern: expected.alpha_pattern,
      target_modules: expected.target_modules,
    });
    for (const [module, product] of Object.entries(expected.product)) {
      const of = (x: string) => adapter.params[`base_model.model.${module}.lora_${x}.weight`]!;
      expect(await read(scope(() => matMul(of('B'), of('A'))))).toBeAllClose(product.data, { rtol: 1e-4, atol: 1e-5 });
    }
  });
});

describe('toLora', () => {
  it('tells the exact error, which falls to nothing with the rank', async () => {
    const W = weights();
    for (const rank of [1, 2, 3, 4]) {
      const adapter = loha();
      const { adapter: small, errors } = right(await toLora(adapter, { rank }));
      for (const { module, norm, error, relative } of errors) {
        const [full, cut] = [mergedBy(adapter, W), mergedBy(small, W)];
        const name = `${module}.weight`;
        const [D, left] = await Promise.all([
          read(scope(() => tf.norm(tf.sub(full[name]!, W[name]!)))),
          read(scope(() => tf.norm(tf.sub(full[name]!, cut[name]!)))),
        ]);
        expect(norm).toBeCloseTo(D[0]!, 4);
        expect(error).toBeCloseTo(left[0]!, 4);
        expect(relative).toBeCloseTo(error / norm, 6);
      }
      if (rank === 4) expect(Math.max(...errors.map((e) => e.relative))).toBeLessThan(1e-6);
      else expect(Math.min(...errors.map((e) => e.relative))).toBeGreaterThan(1e-3);
    }
  });

  it('gives the smallest ranks that hold the energy', async () => {
    const { errors } = right(await toLora(loha(), { energy: 0.9 }));
    const { errors: fewer } = right(await toLora(loha(), { rank: errors[0]!.rank - 1 }));
    expect(errors[0]!.relative ** 2).toBeLessThanOrEqual(0.1 + 1e-6);
    expect(fewer[0]!.relative ** 2).toBeGreaterThan(0.1);
    expect([rankFor([2, 1], 0.8, 5), rankFor([2, 1], 0.81, 5), rankFor([1], 1, 2), rankFor([0], 0.5, 0)]).toEqual([
      1,
      2,
      undefined,
      1,
    ]);
  });

  it('converts linear layers of both layouts, convolutions and embeddings', async () => {
    const config = { r: 2, target_modules: ['lin', 'turned', 'conv', 'emb'], init_lora_weights: false };
    const leaf = adapterOf(lora, config, mixed);
    const W = weightsOf(mixed);
    const { adapter, errors } = right(await toLora(leaf, { rank: 3 }));
    expect(errors.map((e) => e.module)).toEqual(['lin', 'turned', 'conv', 'emb']);
    expect(await apart(leaf, adapter, W)).toBeLessThan(1e-5);
    expect(adapter.config).toMatchObject({ r: 3, lora_alpha: 3, peft_type: 'LORA' });
  });

  it('converts sums, scales and compositions', async () => {
    const config = { r: 2, target_modules: ['lin', 'turned'], init_lora_weights: false };
    const [one, two] = [adapterOf(lora, config, mixed), adapterOf(lora, { ...config, lora_alpha: 3 }, mixed)] as const;
    const all = compose<'additive'>(sum(one as never, scale(-0.5, two as never)), two as never);
    const { adapter, errors } = right(await toLora(all, { rank: 4 }));
    expect(await apart(all, adapter, weightsOf(mixed))).toBeLessThan(1e-5);
    expect(Math.max(...errors.map((e) => e.relative))).toBeLessThan(1e-6);
  });

  it('converts changes that depend on weights where they are given', async () => {
    const dora = adapterOf(lora, { use_dora: true, r: 2, target_modules: ['lin'], init_lora_weights: false }, mixed);
    const W = weightsOf(mixed);
    expect(await why(toLora(dora, { rank: 2 }))).toContain('weights: lin.weight');
    const { adapter, errors } = right(await toLora(dora, { rank: 6 }, W));
    expect(await apart(dora, adapter, W)).toBeLessThan(1e-4);
    expect(errors[0]!.relative).toBeLessThan(1e-5);
    const modulated = adapterOf(hira, { r: 2, target_modules: ['lin'], init_weights: false }, mixed);
    const converted = right(await toLora(modulated, { energy: 1 }, W));
    expect(await apart(modulated, converted.adapter, W)).toBeLessThan(1e-4);
  });

  it('keeps saved modules', async () => {
    const leaf = adapterOf(
      lora,
      { r: 2, target_modules: ['lin'], modules_to_save: ['emb'], init_lora_weights: false },
      mixed,
    );
    const moved = { ...leaf, params: mapRecord(leaf.params, (t, name) => (name.includes('emb') ? tf.add(t, 1) : t)) };
    const { adapter } = right(await toLora(moved, { rank: 2 }));
    expect(adapter.config).toMatchObject({ modules_to_save: ['emb'] });
    expect(await apart(moved, adapter, weightsOf(mixed))).toBeLessThan(1e-5);
  });

  it('makes a rank-0 change of nothing, and frees what it made on the way', async () => {
    const still = adapterOf(lora, { r: 2, target_modules: ['lin', 'conv'] }, mixed);
    const before = numTensors();
    const { adapter, errors } = right(await toLora(still, { energy: 0.9 }));
    expect(errors).toEqual([
      { module: 'lin', rank: 1, norm: 0, error: 0, relative: 0 },
      { module: 'conv', rank: 1, norm: 0, error: 0, relative: 0 },
    ]);
    expect(numTensors() - before).toBe(4);
    dispose(adapter.params);
    expect(numTensors()).toBe(before);
  });

  it('refuses what LoRA has no place for', async () => {
    const trained = { r: 2, init_lora_weights: false };
    const on = (config: object) => adapterOf(lora, { ...trained, ...config }, mixed);
    expect(await why(toLora(on({ target_modules: ['lin'], lora_bias: true }), { rank: 1 }))).toContain(
      'another parameter',
    );
    expect(await why(toLora(on({ target_modules: ['lin'], bias: 'all' }), { rank: 1 }))).toContain(
      'lin.base_layer.bias',
    );
    expect(await why(toLora(on({ target_modules: ['lin'] }), { rank: 7 }))).toContain('at most 6');
    for (const keep of [{ rank: 0 }, { rank: 1.5 }, { energy: 0 }, { energy: 1.1 }, { energy: NaN }])
      expect(await why(toLora(on({ target_modules: ['lin'] }), keep)), JSON.stringify(keep)).toContain(
        Object.keys(keep)[0],
      );
    const routed = adapterOf(poly, { r: 2, target_modules: ['lin'] }, mixed);
    expect(await why(toLora(routed, { rank: 1 }, weightsOf(mixed)))).toContain('can merge');
    const scaled = adapterOf(ia3, { target_modules: ['lin'], feedforward_modules: [] }, mixed);
    expect(await why(toLora(scaled, { rank: 1 }))).toContain('adapter: lin.bias');
    expect(await why(toLora(compose(), { rank: 1 }))).toContain('none');
  });
});

describe('approximate', () => {
  it('finds the leading part of a large change, and enough of it', async () => {
    const [m, n] = [530, 520];
    const D = scope(() =>
      tf.add(matMul(normal(key(1), [m, 3]), normal(key(2), [3, n])), tf.mul(normal(key(3), [m, n]), 1e-3)),
    );
    const found = await approximate(D, { rank: 3 });
    expect(found.error / found.norm).toBeLessThan(2e-3);
    const enough = await approximate(D, { energy: 0.999 });
    expect(enough.rank).toBe(3);
    expect((await approximate(D, { energy: 0.5 })).rank).toBe(2);
  });

  it('pads a product of fewer triplets', async () => {
    const D = tensorOf(Float32Array.of(1, 2, 3, 2, 4, 6, 3, 6, 9), [3, 3]);
    const found = await approximate(
      D,
      { rank: 2 },
      {
        _tag: 'LowRank',
        B: tensorOf(Float32Array.of(1, 2, 3), [3, 1]),
        A: tensorOf(Float32Array.of(1, 2, 3), [1, 3]),
        s: 1,
      },
    );
    expect([found.B.shape, found.A.shape]).toEqual([
      [3, 2],
      [2, 3],
    ]);
    expect(found.error).toBeLessThan(1e-5);
  });
});

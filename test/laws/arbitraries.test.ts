/** The subjects of laws are as varied as mistakes are: what has escaped other people's tests must be drawn here. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { E } from '../../src/fp.js';
import type { ModuleSpec } from '../../src/models/spec.js';
import { fit, loraConfig, methodArbitraries, modelSpec, subjectData, type AdapterData } from '../../src/laws/index.js';
import { drawAwake, drawValues } from '../../src/laws/arbitraries/values.js';
import { decodeFloats } from '../../src/ops/dtype.js';
import { ownerOf, paramKey } from '../../src/models/spec.js';

const from = methodArbitraries['LORA'];
if (from === undefined) throw new Error('no arbitrary for LORA');

const subjects = fc.sample(subjectData(from, 'routed', 2), { numRuns: 400, seed: 3 });
const adapters: ReadonlyArray<AdapterData> = subjects.flatMap((s) => s.adapters);
const share = (n: number, all: number): number => n / all;

describe('models', () => {
  const modules = subjects.flatMap((s) => s.base.modules).filter((m) => Object.keys(m.params).length > 0);

  it('have modules of every kind', () => {
    const kinds = new Set<ModuleSpec['kind']>(modules.map((m) => m.kind));
    expect([...kinds].toSorted()).toEqual(
      [
        'Conv1D',
        'Conv1d',
        'Conv2d',
        'Conv3d',
        'Embedding',
        'LayerNorm',
        'Linear',
        'MultiheadAttention',
        'Parameters',
      ].toSorted(),
    );
  });

  it('are hardly ever square', () => {
    const linear = modules.filter(
      (m) => ['Linear', 'Conv1D', 'Embedding'].includes(m.kind) && !m.name.endsWith('out_proj'),
    );
    const square = linear.filter((m) => m.params['weight']?.[0] === m.params['weight']?.[1]);
    expect(square.length).toBeGreaterThan(0);
    expect(share(square.length, linear.length)).toBeLessThan(0.1);
  });

  it('have convolutions with strides, padding, dilation and groups', () => {
    const convs = modules.flatMap((m) => m.conv ?? []);
    expect(convs.some((c) => c.groups > 1)).toBe(true);
    expect(convs.some((c) => c.stride.includes(2) && c.padding.includes(1) && c.dilation.includes(2))).toBe(true);
  });

  it('have tied, untied and missing heads, experts in both layouts and guessed modules', () => {
    expect(subjects.some((s) => s.base.ties.length > 0)).toBe(true);
    expect(subjects.some((s) => s.base.ties.length === 0 && s.base.outputEmbedding !== undefined)).toBe(true);
    expect(subjects.some((s) => s.base.outputEmbedding === undefined)).toBe(true);
    expect(modules.some((m) => m.transposed === true && (m.params['up']?.[0] ?? 0) > 1)).toBe(true);
    expect(modules.some((m) => m.transposed === false)).toBe(true);
    expect(modules.some((m) => m.inferred === true)).toBe(true);
  });
});

describe('numbers', () => {
  const values = drawValues({ seed: 1, scale: 1 }, 4096);

  it('have both signs, both zeros, subnormals and small ratios', () => {
    const has = (f: (v: number) => boolean): boolean => values.some(f);
    expect(has((v) => Object.is(v, 0)) && has((v) => Object.is(v, -0))).toBe(true);
    expect(has((v) => v !== 0 && Math.abs(v) < 2 ** -126)).toBe(true);
    expect(has((v) => v > 0.9) && has((v) => v < -0.9)).toBe(true);
    expect(values.filter((v) => Math.abs(v) > 1e-30 && Math.abs(v) < 1e-3).length).toBeGreaterThan(200);
  });

  it('are the same for the same seed', () => {
    expect(drawValues({ seed: 1, scale: 1 }, 4096)).toEqual(values);
    expect(drawValues({ seed: 2, scale: 1 }, 4096)).not.toEqual(values);
  });

  it('leave no row and no column of a base weight without an ordinary one', () => {
    fc.assert(
      fc.property(fc.nat(10_000), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), (seed, m, n) => {
        const W = drawAwake({ seed, scale: 1 }, m, n);
        const row = (i: number): number =>
          Math.max(...Array.from({ length: n }, (_, k) => Math.abs(W[i * n + k] ?? 0)));
        const column = (k: number): number =>
          Math.max(...Array.from({ length: m }, (_, i) => Math.abs(W[i * n + k] ?? 0)));
        expect(Math.min(...Array.from({ length: m }, (_, i) => row(i)))).toBeGreaterThan(0.05);
        expect(Math.min(...Array.from({ length: n }, (_, k) => column(k)))).toBeGreaterThan(0.05);
      }),
      { numRuns: 200, seed: 4 },
    );
  });
});

describe('adapters', () => {
  it('are trained: no tensor of more than a few numbers is zero', () => {
    const zeros = adapters
      .flatMap((a) => [...a.tensors.values()])
      .filter(
        ({ dtype, bytes, shape }) =>
          shape.reduce((n, d) => n * d, 1) > 4 && decodeFloats(dtype, bytes).every((v) => v === 0),
      );
    expect(zeros).toEqual([]);
  });

  it('come in several storage types, ranks below and above the sizes, with and without rsLoRA', () => {
    expect(new Set(adapters.flatMap((a) => [...a.tensors.values()].map((t) => t.dtype)))).toEqual(
      new Set(['F32', 'F16', 'BF16']),
    );
    expect(new Set(adapters.map((a) => a.json['r']))).toEqual(new Set([1, 2, 3, 4, 8, 40]));
    expect(new Set(adapters.map((a) => a.json['use_rslora'] ?? false))).toEqual(new Set([true, false]));
  });

  it('use every field of LoraConfig that acts on weights', () => {
    const set = (field: string): boolean =>
      adapters.some((a) => {
        const v = a.json[field];
        return v !== undefined && v !== null && v !== false && v !== 'none' && JSON.stringify(v) !== '{}';
      });
    const fields = [
      'r',
      'lora_alpha',
      'use_rslora',
      'use_dora',
      'lora_bias',
      'bias',
      'fan_in_fan_out',
      'rank_pattern',
      'alpha_pattern',
      'target_modules',
      'target_parameters',
      'exclude_modules',
      'layers_to_transform',
      'layers_pattern',
      'modules_to_save',
      'trainable_token_indices',
      'layer_replication',
      'init_lora_weights',
      'kasa_config',
      'monteclora_config',
      'velora_config',
      'use_bdlora',
      'use_qalora',
      'alora_invocation_tokens',
    ];
    expect(fields.filter((f) => !set(f))).toEqual([]);
    const starts = new Set(adapters.map((a) => a.json['init_lora_weights']));
    expect(['pissa', 'olora', 'mica'].filter((start) => !starts.has(start))).toEqual([]);
    expect(new Set(adapters.map((a) => a.json['bias'] ?? 'none'))).toEqual(new Set(['none', 'all', 'lora_only']));
    expect(adapters.some((a) => a.json['target_modules'] === 'all-linear')).toBe(true);
  });

  it('share modules', () => {
    const shared = subjects.filter(({ adapters: [a, b] }) => {
      const keys = new Set(a?.layout.sites.map((s) => s.key));
      return b?.layout.sites.some((s) => keys.has(s.key)) === true;
    });
    expect(share(shared.length, subjects.length)).toBeGreaterThan(0.3);
  });

  it('act on modules of every kind, on aliases of tied parameters, and on biases', () => {
    const kinds = new Set(
      adapters.flatMap((a) => a.layout.sites.map((s) => (s.detail as { readonly _tag: string })._tag)),
    );
    expect([...kinds].toSorted()).toEqual([
      'AttentionOut',
      'Bias',
      'Conv',
      'Embedding',
      'Experts',
      'Linear',
      'Rows',
      'Value',
    ]);
    const aliased = adapters.some((a) => a.layout.sites.some((s) => ownerOf(a.tree.spec, s.key) !== s.key));
    expect(aliased).toBe(true);
  });

  it('live in every algebra', () => {
    expect(new Set(adapters.map((a) => a.layout.algebra))).toEqual(
      new Set(['additive', 'replacement', 'dependent', 'routed']),
    );
  });

  it('fit their models without falling back to the plain config, nearly always', () => {
    const drawn = fc.sample(
      modelSpec.chain((spec) => loraConfig(spec, 'routed').map((config) => ({ spec, config }))),
      { numRuns: 300, seed: 6 },
    );
    const misfits = drawn.filter(({ spec, config }) => E.isLeft(fit(from, config, spec)));
    expect(share(misfits.length, drawn.length)).toBeLessThan(0.1);
  });
});

describe('additive subjects', () => {
  it('hold additive adapters that keep the module tree', () => {
    const drawn = fc.sample(subjectData(from, 'additive', 2), { numRuns: 200, seed: 7 }).flatMap((s) => s.adapters);
    expect(drawn.every((a) => a.layout.algebra === 'additive' && a.tree.change === undefined)).toBe(true);
    expect(drawn.some((a) => a.layout.sites.some((s) => s.key === paramKey(s.module, 'bias')))).toBe(true);
  });
});

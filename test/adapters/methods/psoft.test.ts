import { describe, expect, it } from 'vitest';
import type { Leaf } from '../../../src/adapters/adapter.js';
import { attach } from '../../../src/adapters/apply.js';
import { decodeAdapter } from '../../../src/adapters/decode.js';
import { trainable, withTrainable } from '../../../src/adapters/leaf.js';
import { psoft, psoftBases, type PsoftConfig } from '../../../src/adapters/methods/psoft.js';
import { E } from '../../../src/fp.js';
import { linear } from '../../../src/models/layers/linear.js';
import { read } from '../../../src/ops/backend.js';
import { encodeFloats } from '../../../src/ops/dtype.js';
import { matMul } from '../../../src/ops/mat-mul.js';
import { key, normal } from '../../../src/ops/random.js';
import { tf } from '../../../src/ops/tf.js';
import { valueAndGrad } from '../../../src/ops/value-and-grad.js';
import { adapterOf, linearOf, mergedBy, modelOf, problemsOf, shapesOf, weightsOf } from './trial.js';

const spec = modelOf(linearOf('a', 6, 5));
const on = { target_modules: ['a'], r: 3, psoft_alpha: 2 };
const weight = 'base_model.model.a.psoft_R.weight';

describe('PSOFT', () => {
  it.each([
    [{ r: 0 }, 'r'],
    [{ r: 6 }, 'at most 5, the smaller side of a'],
    [{ ab_svd_init: 'lora' }, 'ab_svd_init'],
    [{ psoft_svd: 'fast' }, 'psoft_svd'],
    [{ use_cayley_neumann: true, num_cayley_neumann_terms: 0 }, 'num_cayley_neumann_terms'],
    [{ use_cayley_neumann: true, cayley_neumann_eps: 1 }, 'cayley_neumann_eps'],
    [{ target_modules: 'a', layers_to_transform: 0 }, 'no layer selection'],
    [{ psoft_dropout: 1 }, 'psoft_dropout'],
  ])('refuses %j', (config, why) => expect(problemsOf(psoft, { ...on, ...config }, spec)).toContain(why));

  it('looks at the settings of the series only where it is used', () =>
    expect(problemsOf(psoft, { ...on, cayley_neumann_eps: 2, num_cayley_neumann_terms: 0 }, spec)).toBe(''));

  it('refuses anything but linear layers', () => {
    const other = modelOf({ name: 'a', kind: 'Conv1D', params: { weight: [5, 6] } });
    expect(problemsOf(psoft, on, other)).toContain('a Linear');
  });

  it('has a triangle of a rotation or a free matrix, and vectors where asked', () => {
    const names = (config: object) => Object.values(shapesOf(adapterOf(psoft, { ...on, ...config }, spec)));
    expect(names({})).toEqual([[3], [3], [3]]);
    expect(names({ psoft_orth: false, psoft_mag_a: false })).toEqual([[3, 3], [3]]);
  });

  it.each([{}, { ab_svd_init: 'pissa_init' }, { psoft_svd: 'lowrank' }])(
    'keeps all singular values: a rotation of the principal subspace, %j',
    async (config) => {
      const fresh = adapterOf(psoft, { ...on, ...config, psoft_mag_a: false, psoft_mag_b: false }, spec);
      const weights = weightsOf(spec);
      const leaf = withTrainable(fresh, { [weight]: tf.tensor1d([0.3, -0.7, 0.2]) });
      const W = weights['a.weight']!;
      const V = mergedBy(leaf as Leaf, weights)['a.weight']!;
      expect(Math.max(...(await read(tf.abs(tf.sub(V, W)))))).toBeGreaterThan(0.1);
      if (!('ab_svd_init' in config)) {
        const gram = (X: typeof W) => matMul(X, X, false, true);
        const trace = async (X: typeof W) => (await read(tf.sum(tf.square(X))))[0];
        expect(await trace(gram(V))).toBeCloseTo((await trace(gram(W))) as number, 2);
      }
      const { A, B } = psoftBases(fresh.config as PsoftConfig, W);
      const rest = tf.sub(W, tf.mul(matMul(B, A), 2 / 3));
      // what s B A leaves is orthogonal to it
      expect(Math.max(...(await read(tf.abs(matMul(rest, A, false, true)))))).toBeLessThan(2e-5);
    },
  );

  it('takes bases that the file holds, warns of those it must find, and then is additive', async () => {
    const fresh = adapterOf(psoft, { ...on, init_weights: false }, spec);
    const weights = weightsOf(spec);
    const { A, B } = psoftBases(fresh.config as PsoftConfig, weights['a.weight']!);
    const raw = async (t: typeof A) =>
      ({ dtype: 'F32', shape: t.shape, bytes: encodeFloats('F32', await read(t)) }) as const;
    const own = await Promise.all(Object.entries(fresh.params).map(async ([n, t]) => [n, await raw(t)] as const));
    const config = { peft_type: 'PSOFT', ...on };
    const bases = [
      ['base_model.model.a._psoft_A_cache', await raw(tf.neg(A))],
      ['base_model.model.a._psoft_B_cache', await raw(tf.neg(B))],
    ] as const;
    const without = decodeAdapter({ config, tensors: new Map(own) }, spec);
    const withBases = decodeAdapter({ config, tensors: new Map([...own, ...bases]) }, spec);
    if (E.isLeft(without) || E.isLeft(withBases)) throw new Error('they fit');
    expect(without.right.warnings.join()).toContain('_psoft_A_cache');
    expect(withBases.right.warnings).toEqual([]);
    expect([without.right.adapter.algebra, withBases.right.adapter.algebra]).toEqual(['dependent', 'additive']);
    expect(withBases.right.adapter.trainable).toEqual(without.right.adapter.trainable);
    const merged = await Promise.all(
      [without, withBases].map((d) => read(mergedBy(d.right.adapter, weights)['a.weight']!)),
    );
    expect(merged[0]).toBeAllClose(merged[1]!, { atol: 1e-5 });
  });

  it('has a finite gradient at the start of a bounded series', async () => {
    const leaf = adapterOf(psoft, { ...on, use_cayley_neumann: true, cayley_neumann_eps: 0.5 }, spec);
    const x = normal(key(4), [5, 5]);
    const { grads } = valueAndGrad((p) =>
      tf.sum(tf.square(linear(attach(withTrainable(leaf, p), weightsOf(spec)), 'a', x))),
    )(trainable(leaf));
    const g = await read(grads[weight]!);
    expect(g.every(Number.isFinite)).toBe(true);
    expect(Math.max(...g.map(Math.abs))).toBeGreaterThan(0.1);
  });
});

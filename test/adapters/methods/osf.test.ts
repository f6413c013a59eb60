import { describe, expect, it } from 'vitest';
import { attach } from '../../../src/adapters/apply.js';
import { init } from '../../../src/adapters/init.js';
import { trainable, withTrainable } from '../../../src/adapters/leaf.js';
import { osf } from '../../../src/adapters/methods/osf.js';
import { spectrumOf } from '../../../src/adapters/updates/spectrum.js';
import { E } from '../../../src/fp.js';
import { linear } from '../../../src/models/layers/linear.js';
import { read } from '../../../src/ops/backend.js';
import { key, normal } from '../../../src/ops/random.js';
import { tf } from '../../../src/ops/tf.js';
import { valueAndGrad } from '../../../src/ops/value-and-grad.js';
import { renderProblems } from '../../../src/problem.js';
import { adapterOf, linearOf, mergedBy, modelOf, problemsOf, shapesOf, weightsOf } from './trial.js';

const spec = modelOf(linearOf('a', 6, 10), { name: 'b', kind: 'Embedding', params: { weight: [4, 4] } });
const on = { target_modules: ['a'] };
const low = 'base_model.model.a.osf_svd_params';

const trained = (config: Readonly<Record<string, unknown>>): number | undefined =>
  shapesOf(adapterOf(osf, { ...on, ...config }, spec))[`${low}.S_low`]?.[0];

describe('OSF', () => {
  it.each([
    [{ effective_rank: 0 }, 'a rank, or a fraction'],
    [{ effective_rank: 0.1 }, 'a rank of at least 1'],
    [{ effective_rank: 'half' }, 'effective_rank'],
    [{ rank_pattern: { '(': 2 } }, 'rank_pattern'],
  ])('refuses %j', (config, why) => expect(problemsOf(osf, { ...on, ...config }, spec)).toContain(why));

  it('needs the base weights to start from', () => {
    const made = init(osf, on, { spec, key: key(0) });
    expect(E.isLeft(made) ? renderProblems(made.left) : '').toContain('the base weight, which OSF decomposes');
  });

  it('keeps half of the spectrum unless told: a rank, a fraction, or one for a part of a name', () => {
    expect(trained({})).toBe(3);
    expect(trained({ effective_rank: 2 })).toBe(4);
    expect(trained({ effective_rank: 0.99 })).toBe(1);
    expect(trained({ effective_rank: 1 })).toBe(5);
    expect(trained({ effective_rank: 40 })).toBe(0);
    expect(trained({ rank_pattern: { a: 4, '.': 1 } })).toBe(2);
  });

  it('leaves other kinds of layers alone, and targets all linear layers where nothing is named', () => {
    expect(Object.keys(adapterOf(osf, { target_modules: ['a', 'b'] }, spec).params)).toHaveLength(3);
    expect(Object.keys(adapterOf(osf, {}, spec).params)).toHaveLength(3);
  });

  it('starts at the base', async () => {
    const weights = weightsOf(spec);
    for (const effective_rank of [null, 1, 40]) {
      const merged = mergedBy(adapterOf(osf, { ...on, effective_rank }, spec), weights);
      expect(await read(merged['a.weight']!)).toBeAllClose(await read(weights['a.weight']!), { atol: 1e-5 });
    }
  });

  it('keeps gradients off the leading subspaces', async () => {
    const weights = weightsOf(spec);
    const leaf = adapterOf(osf, on, spec);
    const x = normal(key(4), [5, 10]);
    const { grads } = valueAndGrad((p) => tf.sum(tf.square(linear(attach(withTrainable(leaf, p), weights), 'a', x))))(
      trainable(leaf),
    );
    const { U, Vt } = spectrumOf(weights['a.weight']!);
    const [gU, gV] = [await read(grads[`${low}.U_low`]!), await read(grads[`${low}.V_low`]!)];
    const size = Math.max(...gU.map(Math.abs), ...gV.map(Math.abs));
    expect(size).toBeGreaterThan(0.1);
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 3; j++) {
        const left = Array.from({ length: 6 }, (_, row) => U.data[row * 6 + i]! * gU[row * 3 + j]!);
        const alongV = Array.from({ length: 10 }, (_, col) => Vt.data[i * 10 + col]! * gV[j * 10 + col]!);
        expect(Math.abs(left.reduce((a, b) => a + b))).toBeLessThan(1e-5 * size);
        expect(Math.abs(alongV.reduce((a, b) => a + b))).toBeLessThan(1e-5 * size);
      }
    }
  });
});

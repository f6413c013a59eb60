/** What takes adapters back without the base. */
import { describe, expect, it } from 'vitest';
import { leavesOf, sameAdapter, type Adapter, type Invertible } from '../../src/adapters/adapter.js';
import { apply, attach } from '../../src/adapters/apply.js';
import { compose, inverse, invertible, isInvertible, restrict } from '../../src/adapters/combine.js';
import type { Method } from '../../src/adapters/method.js';
import { boft } from '../../src/adapters/methods/boft.js';
import { gralora } from '../../src/adapters/methods/gralora.js';
import { hra } from '../../src/adapters/methods/hra.js';
import { ia3 } from '../../src/adapters/methods/ia3.js';
import { miss } from '../../src/adapters/methods/miss.js';
import { oft } from '../../src/adapters/methods/oft.js';
import { road } from '../../src/adapters/methods/road.js';
import { print } from '../../src/adapters/print.js';
import { unapply } from '../../src/adapters/unapply.js';
import { E } from '../../src/fp.js';
import { linear } from '../../src/models/layers/linear.js';
import { read } from '../../src/ops/backend.js';
import { key, normal } from '../../src/ops/random.js';
import type { Weights } from '../../src/ops/tensor.js';
import { adapterOf, convOf, linearOf, modelOf, weightsOf } from './methods/trial.js';

const spec = modelOf(linearOf('a', 8, 12), linearOf('b', 4, 8), convOf('c', 4, 3, 2));
const weights = weightsOf(spec);
const random = { init_weights: false };

const made = (method: Method, config: Readonly<Record<string, unknown>>): Adapter<Invertible> =>
  adapterOf(method, config, spec) as Adapter<Invertible>;

const adapters: ReadonlyArray<readonly [string, Adapter<Invertible>]> = [
  ['OFT', made(oft, { target_modules: ['a', 'c'], oft_block_size: 4, ...random })],
  ['OFT, exact', made(oft, { target_modules: ['a'], oft_block_size: 4, use_cayley_neumann: false, ...random })],
  ['HRA', made(hra, { target_modules: ['a', 'b', 'c'], r: 3, ...random })],
  ['HRA, orthonormal', made(hra, { target_modules: ['a'], r: 3, apply_GS: true, ...random })],
  ['BOFT', made(boft, { target_modules: ['a'], boft_block_size: 2, boft_n_butterfly_factor: 2, ...random })],
  ['RoAd', made(road, { target_modules: ['a', 'b'], group_size: 4, variant: 'road_4', ...random })],
  ['IA3', made(ia3, { target_modules: ['a', 'b'], feedforward_modules: ['b'], init_ia3_weights: false })],
  ['GraLoRA', made(gralora, { target_modules: ['a'], r: 4, ...random })],
];

const expectSame = async (actual: Weights, expected: Weights): Promise<void> => {
  for (const name of Object.keys(expected))
    expect(await read(actual[name]!), name).toBeAllClose(await read(expected[name]!), { rtol: 1e-3, atol: 1e-4 });
};

describe('inverse', () => {
  it.each(adapters)('takes %s back', async (_, a) => {
    const merged = apply(a, weights);
    await expect(expectSame(merged, weights)).rejects.toThrow();
    await expectSame(unapply(a, merged), weights);
    await expectSame(apply(inverse(a), merged), weights);
    expect(sameAdapter(inverse(inverse(a)), a)).toBe(true);
    expect(leavesOf(inverse(a))).toEqual(leavesOf(a));
  });

  it('turns compositions around', async () => {
    const all = compose(...adapters.map(([, a]) => a));
    const reversed = compose(...adapters.toReversed().map(([, a]) => inverse(a)));
    expect(sameAdapter(inverse(all), reversed)).toBe(true);
    const pair = compose(adapters[0]![1], adapters[7]![1]);
    await expectSame(apply(inverse(pair), apply(pair, weights)), weights);
    expect(print(inverse(pair))).toMatch(/^compose\(scale\(-1, gralora\(.*\)\), inverse\(oft\(.*\)\)\)$/);
  });

  it('takes back what a restriction did, and runs beside the weights', async () => {
    const [, a] = adapters[2]!;
    const part = restrict(['b'], a);
    await expectSame(apply(inverse(part), apply(part, weights)), weights);
    const x = normal(key(2), [3, 12]);
    const beside = linear(attach(inverse(a), weights), 'a', x);
    expect(await read(beside)).toBeAllClose(await read(linear(apply(inverse(a), weights), 'a', x)), { atol: 1e-4 });
  });

  it('is refused for what depends on the weight', () => {
    const bat = adapterOf(miss, { target_modules: ['a'], r: 4, init_weights: 'bat' }, spec);
    expect(isInvertible(bat)).toBe(false);
    expect(() => inverse(bat as Adapter as Adapter<Invertible>)).toThrow('expected an invertible adapter');
    const result = invertible(bat);
    expect(E.isLeft(result) && result.left[0].found).toContain('a matrix of its own');
  });
});

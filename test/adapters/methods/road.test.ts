import { describe, expect, it } from 'vitest';
import { road } from '../../../src/adapters/methods/road.js';
import { read } from '../../../src/ops/backend.js';
import { adapterOf, linearOf, mergedBy, modelOf, problemsOf, shapesOf, weightsOf } from './trial.js';

const spec = modelOf(linearOf('a', 8, 5));
const on = { target_modules: ['a'], group_size: 4 };

describe('RoAd', () => {
  it.each([
    [{ group_size: 3 }, 'an even integer'],
    [{ group_size: 0 }, 'an even integer'],
    [{ group_size: 6 }, 'a divisor of the 8 outputs of a'],
    [{ variant: 'road_3' }, '"road_1", "road_2", "road_4"'],
    [{ target_modules: ['b'] }, 'target_modules'],
  ])('refuses %j', (config, why) => expect(problemsOf(road, { ...on, ...config }, spec)).toContain(why));

  it.each([
    ['road_1', 4],
    ['road_2', 8],
    ['road_4', 16],
  ] as const)('%s turns pairs of the weight and of the bias', async (variant, size) => {
    const leaf = adapterOf(road, { ...on, variant, init_weights: false }, spec);
    expect(shapesOf(leaf)['base_model.model.a.road_theta']).toEqual([size]);
    const weights = weightsOf(spec);
    const merged = mergedBy(leaf, weights);
    const [theta, alpha] = [
      await read(leaf.params['base_model.model.a.road_theta']!),
      await read(leaf.params['base_model.model.a.road_alpha']!),
    ];
    // index of the angle that a feature takes for itself (0) and for its partner (1)
    const at = (o: number, which: 0 | 1): number => {
      if (variant === 'road_1') return Math.floor(o / 4) * 2 + (o % 2);
      return variant === 'road_2' ? o : Math.floor(o / 4) * 8 + 4 * which + (o % 4);
    };
    for (const [name, columns] of [
      ['a.weight', 5],
      ['a.bias', 1],
    ] as const) {
      const W = await read(weights[name]!);
      const expected = W.map((w, i) => {
        const [o, c] = [Math.floor(i / columns), i % columns];
        const first = o % 4 < 2;
        const partner = W[(first ? o + 2 : o - 2) * columns + c]! * (first ? -1 : 1);
        return (
          alpha[at(o, 0)]! * Math.cos(theta[at(o, 0)]!) * w + alpha[at(o, 1)]! * Math.sin(theta[at(o, 1)]!) * partner
        );
      });
      expect(await read(merged[name]!)).toBeAllClose(expected);
    }
  });
});

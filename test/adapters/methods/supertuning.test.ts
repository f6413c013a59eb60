import { describe, expect, it } from 'vitest';
import { init } from '../../../src/adapters/init.js';
import { supertuning } from '../../../src/adapters/methods/supertuning.js';
import { E } from '../../../src/fp.js';
import { read } from '../../../src/ops/backend.js';
import { key } from '../../../src/ops/random.js';
import { tf } from '../../../src/ops/tf.js';
import { renderProblems } from '../../../src/problem.js';
import { adapterOf, linearOf, mergedBy, modelOf, problemsOf, shapesOf, weightsOf } from './trial.js';

const spec = modelOf(linearOf('a', 3, 4));
const on = { target_modules: ['a'], sparsity: 0.5 };
const places = 'base_model.model.a.supertuning_indices';

describe('Super-Tuning', () => {
  it.each([
    [{ sparsity: 1 }, 'sparsity'],
    [{ sparsity: -0.1 }, 'sparsity'],
    [{ sparsity: 0.95 }, 'a share that leaves some of the 12 entries of a'],
    [{ r: 0 }, 'r'],
    [{ lora_alpha: 4 }, 'null without a rank'],
    [{ lora_dropout: 1 }, 'lora_dropout'],
  ])('refuses %j', (config, why) => expect(problemsOf(supertuning, { ...on, ...config }, spec)).toContain(why));

  it('refuses anything but linear layers', () => {
    const other = modelOf({ name: 'a', kind: 'Conv1D', params: { weight: [4, 3] } });
    expect(problemsOf(supertuning, on, other)).toContain('a Linear');
  });

  it('needs the weights to choose its places from', () => {
    const made = init(supertuning, on, { spec, key: key(0) });
    expect(E.isLeft(made) ? renderProblems(made.left) : '').toContain('whose magnitudes choose the places');
  });

  it.each([true, false])('changes the entries of extreme magnitude, largest %s, saved or not', async (select_top) => {
    const weights = weightsOf(spec);
    const W = await read(weights['a.weight']!);
    const order = [...W.keys()].toSorted((i, j) => (Math.abs(W[j]!) - Math.abs(W[i]!)) * (select_top ? 1 : -1));
    const saved = adapterOf(supertuning, { ...on, select_top, init_weights: false }, spec);
    expect([...saved.indices[places]!.values]).toEqual(order.slice(0, 6));
    const unsaved = adapterOf(
      supertuning,
      { ...on, select_top, init_weights: false, save_precomputed_indices: false },
      spec,
    );
    expect(Object.keys(unsaved.indices)).toEqual([]);
    expect([saved.algebra, unsaved.algebra]).toEqual(['additive', 'dependent']);
    const merged = await read(mergedBy(unsaved, weights)['a.weight']!);
    expect(merged).toEqual(await read(mergedBy(saved, weights)['a.weight']!));
    expect([...W.keys()].filter((i) => merged[i] !== W[i]).toSorted((a, b) => a - b)).toEqual(
      order.slice(0, 6).toSorted((a, b) => a - b),
    );
  });

  it('takes the first of equal magnitudes', () => {
    const made = init(supertuning, on, {
      spec,
      key: key(0),
      weights: { 'a.weight': tf.tensor2d([1, -2, 2, 1, 0, -1, 2, 1, 1, 0, -3, 1], [3, 4]) },
    });
    expect(E.isRight(made) ? [...made.right.indices[places]!.values] : made.left).toEqual([10, 1, 2, 6, 0, 3]);
  });

  it('has a low-rank part with a rank, twice as strong as it is wide unless told', () => {
    const leaf = adapterOf(supertuning, { ...on, r: 2 }, spec);
    expect(shapesOf(leaf)['base_model.model.a.supertuning_lora_B.weight']).toEqual([3, 2]);
    expect((leaf.config as { readonly lora_alpha?: number }).lora_alpha).toBe(4);
  });
});

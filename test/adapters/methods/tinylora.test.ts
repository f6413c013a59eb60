import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readCase } from '../../../parity/case.js';
import { init } from '../../../src/adapters/init.js';
import { tinylora } from '../../../src/adapters/methods/tinylora.js';
import { E } from '../../../src/fp.js';
import { read } from '../../../src/ops/backend.js';
import { decodeFloats } from '../../../src/ops/dtype.js';
import { matMul } from '../../../src/ops/mat-mul.js';
import { key } from '../../../src/ops/random.js';
import { renderProblems } from '../../../src/problem.js';
import { adapterOf, convOf, linearOf, mergedBy, modelOf, problemsOf, shapesOf, weightsOf } from './trial.js';

const conv1D = { name: 'g', kind: 'Conv1D' as const, params: { weight: [4, 9], bias: [9] } };
const table = { name: 'e', kind: 'Embedding' as const, params: { weight: [7, 3] } };
const spec = modelOf(linearOf('a', 6, 10), linearOf('b', 8, 3), conv1D, table, convOf('c', 2, 2, 1));
const on = { target_modules: ['a', 'b', 'g', 'e'], fan_in_fan_out: true, u: 5 };

const vectors = (config: Readonly<Record<string, unknown>>): ReadonlyArray<string | undefined> =>
  adapterOf(tinylora, { ...on, ...config }, spec).sites.map((s) => s.tensors['v']?.split('.').pop());

describe('TinyLoRA', () => {
  it.each([
    [{ r: 0 }, 'greater than 0'],
    [{ u: 0 }, 'greater than 0'],
    [{ weight_tying: 1.5 }, 'a number in [0, 1]'],
    [{ init_weights: 'normal' }, 'true, false or "uniform"'],
    [{ layers_pattern: 'h' }, 'layers_to_transform beside layers_pattern'],
    [{ target_modules: ['c'] }, 'a Linear, Conv1D or Embedding'],
  ])('refuses %j', (config, why) => expect(problemsOf(tinylora, { ...on, ...config }, spec)).toContain(why));

  it('needs the base weights for a start', () => {
    const made = init(tinylora, on, { spec, key: key(0) });
    expect(E.isLeft(made) ? renderProblems(made.left) : '').toContain('which TinyLoRA decomposes');
  });

  it('splits the best approximation of each weight evenly', async () => {
    const leaf = adapterOf(tinylora, { ...on, r: 3 }, spec);
    expect(shapesOf(leaf)).toMatchObject({
      'base_model.model.g.tinylora_A': [3, 4],
      'base_model.model.g.tinylora_B': [9, 3],
      'base_model.model.e.tinylora_A': [3, 3],
      'base_model.model.e.tinylora_B': [7, 3],
      'base_model.model.e.tinylora_P': [5, 3, 3],
      'base_model.tinylora_v.0': [5],
    });
    const weights = weightsOf(spec);
    // of rank 3: the whole of b [8, 3] and e [7, 3]
    for (const name of ['b', 'e']) {
      const product = matMul(
        leaf.params[`base_model.model.${name}.tinylora_B`]!,
        leaf.params[`base_model.model.${name}.tinylora_A`]!,
      );
      expect(await read(product)).toBeAllClose(await read(weights[`${name}.weight`]!), { atol: 1e-5 });
    }
  });

  it('shares vectors between neighbours as weight_tying has it', () => {
    expect(vectors({})).toEqual(['0', '1', '2', '3']);
    expect(vectors({ weight_tying: 0.5 })).toEqual(['0', '0', '1', '1']);
    expect(vectors({ weight_tying: 0.25 })).toEqual(['0', '1', '2', '2']);
    // 4 (1 - 0.375) = 2.5 rounds to the even 2
    expect(vectors({ weight_tying: 0.375 })).toEqual(['0', '0', '1', '1']);
    expect(vectors({ weight_tying: 1 })).toEqual(['0', '0', '0', '0']);
  });

  it('draws the projections that PEFT saves', async () => {
    const folder = fileURLToPath(new URL('../../golden/cases/toy/191-tinylora-MLP', import.meta.url));
    const { files } = await readCase(folder);
    const model = modelOf(linearOf('lin0', 20, 10));
    const leaf = adapterOf(tinylora, files.config as Readonly<Record<string, unknown>>, model);
    const name = 'base_model.model.lin0.tinylora_P';
    const { dtype, bytes } = files.tensors.get(name)!;
    expect(await read(leaf.params[name]!)).toEqual(decodeFloats(dtype, bytes));
  });

  it('merges the same with projections saved and drawn again', async () => {
    const weights = weightsOf(spec);
    const leaf = adapterOf(tinylora, { ...on, init_weights: 'uniform' }, spec);
    const params = Object.entries(leaf.params).filter(([name]) => !name.endsWith('_P'));
    const without = {
      ...adapterOf(tinylora, { ...on, save_projection: false }, spec),
      params: Object.fromEntries(params),
    };
    const [saved, drawn] = [leaf, without].map((from) => mergedBy(from, weights));
    for (const name of ['a.weight', 'g.weight', 'e.weight'])
      expect(await read(drawn![name]!)).toBeAllClose(await read(saved![name]!), { atol: 1e-6 });
  });
});

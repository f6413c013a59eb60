import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readCase } from '../../../parity/case.js';
import { decodeAdapter } from '../../../src/adapters/decode.js';
import { init } from '../../../src/adapters/init.js';
import { randlora } from '../../../src/adapters/methods/randlora.js';
import { E } from '../../../src/fp.js';
import { read } from '../../../src/ops/backend.js';
import { decodeFloats, encodeFloats } from '../../../src/ops/dtype.js';
import { key } from '../../../src/ops/random.js';
import { renderProblems } from '../../../src/problem.js';
import { adapterOf, convOf, linearOf, mergedBy, modelOf, problemsOf, shapesOf, weightsOf } from './trial.js';

const conv1D = { name: 'g', kind: 'Conv1D' as const, params: { weight: [4, 9], bias: [9] } };
const spec = modelOf(linearOf('a', 6, 10), linearOf('b', 8, 3), conv1D, convOf('c', 2, 2, 1));
const on = { target_modules: ['a', 'b', 'g'], r: 2, fan_in_fan_out: true };

describe('RandLoRA', () => {
  it.each([
    [{ r: 0 }, 'greater than 0'],
    [{ randlora_alpha: 'x' }, 'randlora_alpha'],
    [{ projection_prng_key: 0.5 }, 'projection_prng_key'],
    [{ layers_pattern: 'h' }, 'layers_to_transform beside layers_pattern'],
    [{ target_modules: ['c'] }, 'a Linear or Conv1D'],
  ])('refuses %j', (config, why) => expect(problemsOf(randlora, { ...on, ...config }, spec)).toContain(why));

  it('shares bases of the largest sizes, and names them once more under every layer', () => {
    const leaf = adapterOf(randlora, on, spec);
    // the largest output is 9, the largest input 10
    expect(shapesOf(leaf)).toMatchObject({
      'base_model.randlora_A': [2, 1, 9],
      'base_model.randlora_B': [10, 5, 2],
      'base_model.model.a.randlora_lambda': [2, 3],
      'base_model.model.a.randlora_gamma': [3, 6],
    });
    expect(leaf.copies).toMatchObject({ 'base_model.model.g.randlora_B': 'base_model.randlora_B' });
    const drawn = adapterOf(randlora, { ...on, save_projection: false }, spec);
    expect(Object.keys(shapesOf(drawn))).toHaveLength(6);
    expect(drawn.copies).toEqual({});
  });

  it.each(['228-randlora-MLP', '233-randlora-MLP'])('draws the bases that PEFT saves, bit for bit (%s)', async (id) => {
    const folder = fileURLToPath(new URL(`../../golden/cases/toy/${id}`, import.meta.url));
    const { files, spec: model } = await readCase(folder);
    const made = init(randlora, files.config as Readonly<Record<string, unknown>>, { spec: model, key: key(0) });
    if (E.isLeft(made)) throw new Error(renderProblems(made.left));
    for (const name of ['base_model.randlora_A', 'base_model.randlora_B']) {
      const { dtype, bytes } = files.tensors.get(name)!;
      expect(await read(made.right.params[name]!)).toEqual(decodeFloats(dtype, bytes));
    }
  });

  it('merges the same with bases saved and drawn again, in both layouts', async () => {
    const weights = weightsOf(spec);
    const config = { ...on, init_weights: false, randlora_alpha: 1 };
    const [saved, drawn] = [true, false].map((save_projection) =>
      mergedBy(adapterOf(randlora, { ...config, save_projection }, spec), weights),
    );
    for (const name of ['a.weight', 'b.weight', 'g.weight']) {
      const values = await read(saved![name]!);
      expect(values).not.toEqual(await read(weights[name]!));
      expect(await read(drawn![name]!)).toEqual(values);
    }
  });

  it('tells copies that differ from the first', () => {
    const float = (shape: ReadonlyArray<number>, value: number) => ({
      dtype: 'F32' as const,
      shape,
      bytes: encodeFloats('F32', new Float32Array(shape.reduce((n, d) => n * d, 1)).fill(value)),
    });
    const tensors = new Map([
      ['base_model.randlora_A', float([2, 1, 6], 1)],
      ['base_model.randlora_B', float([10, 3, 2], 1)],
      ['base_model.model.a.randlora_A', float([2, 1, 6], 2)],
      ['base_model.model.a.randlora_lambda', float([2, 3], 1)],
      ['base_model.model.a.randlora_gamma', float([3, 6], 1)],
    ]);
    const found = decodeAdapter({ config: { peft_type: 'RANDLORA', target_modules: ['a'], r: 2 }, tensors }, spec);
    expect(E.isLeft(found) ? renderProblems(found.left) : '').toContain('the values of base_model.randlora_A');
  });
});

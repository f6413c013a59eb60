import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readCase } from '../../../parity/case.js';
import { decodeAdapter } from '../../../src/adapters/decode.js';
import { init } from '../../../src/adapters/init.js';
import { vera } from '../../../src/adapters/methods/vera.js';
import { E } from '../../../src/fp.js';
import { read } from '../../../src/ops/backend.js';
import { decodeFloats, encodeFloats } from '../../../src/ops/dtype.js';
import { key } from '../../../src/ops/random.js';
import { renderProblems } from '../../../src/problem.js';
import { adapterOf, convOf, linearOf, mergedBy, modelOf, problemsOf, shapesOf, weightsOf } from './trial.js';

const spec = modelOf(linearOf('a', 6, 10), linearOf('b', 8, 3), convOf('c', 2, 2, 1));
const on = { target_modules: ['a', 'b'], r: 4 };

const float = (shape: ReadonlyArray<number>, n: number) => ({
  dtype: 'F32' as const,
  shape,
  bytes: encodeFloats('F32', new Float32Array(n).fill(1)),
});

describe('VeRA', () => {
  it.each([
    [{ r: 0 }, 'greater than 0'],
    [{ bias: 'some' }, 'a word that ends in "_only"'],
    [{ projection_prng_key: 0.5 }, 'projection_prng_key'],
    [{ vera_dropout: -1 }, 'vera_dropout'],
    [{ layers_pattern: 'h' }, 'layers_to_transform beside layers_pattern'],
    [{ target_modules: ['c'] }, 'a Linear or Conv1D'],
  ])('refuses %j', (config, why) => expect(problemsOf(vera, { ...on, ...config }, spec)).toContain(why));

  it('shares projections of the largest sizes, once in the file', () => {
    const leaf = adapterOf(vera, on, spec);
    expect(shapesOf(leaf)).toMatchObject({ 'base_model.vera_A': [4, 10], 'base_model.vera_B': [8, 4] });
    expect(leaf.trainable).not.toContain('base_model.vera_A');
    expect(Object.keys(shapesOf(adapterOf(vera, { ...on, save_projection: false }, spec)))).toHaveLength(4);
  });

  it('draws the projections that PEFT saves, bit for bit', async () => {
    const folder = fileURLToPath(new URL('../../golden/cases/toy/190-vera-EmbConv1D', import.meta.url));
    const { files, spec: model } = await readCase(folder);
    const made = init(vera, files.config as Readonly<Record<string, unknown>>, { spec: model, key: key(0) });
    if (E.isLeft(made)) throw new Error(renderProblems(made.left));
    for (const name of ['base_model.vera_A', 'base_model.vera_B']) {
      const { dtype, bytes } = files.tensors.get(name)!;
      expect(await read(made.right.params[name]!)).toEqual(decodeFloats(dtype, bytes));
    }
  });

  it('merges the same with projections saved and drawn again', async () => {
    const weights = weightsOf(spec);
    const merged = async (save_projection: boolean) =>
      read(mergedBy(adapterOf(vera, { ...on, init_weights: false, save_projection }, spec), weights)['b.weight']!);
    const saved = await merged(true);
    expect(saved).not.toEqual(await read(weights['b.weight']!));
    expect(await merged(false)).toEqual(saved);
  });

  it('says so where saved projections are not used, and where they are missing', () => {
    const tensors = new Map([
      ['base_model.model.a.vera_lambda_b', float([6], 6)],
      ['base_model.model.a.vera_lambda_d', float([4], 4)],
    ]);
    const config = { peft_type: 'VERA', target_modules: ['a'], r: 4 };
    const missing = decodeAdapter({ config, tensors }, spec);
    expect(E.isLeft(missing) ? renderProblems(missing.left) : '').toContain('base_model.vera_A');
    const both = new Map([
      ...tensors,
      ['base_model.vera_A', float([4, 10], 40)],
      ['base_model.vera_B', float([6, 4], 24)],
    ]);
    const unused = decodeAdapter({ config: { ...config, save_projection: false }, tensors: both }, spec);
    expect(E.isRight(unused) ? unused.right.warnings.join() : '').toContain('save_projection is false');
  });
});

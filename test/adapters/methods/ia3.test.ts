import { describe, expect, it } from 'vitest';
import { ia3 } from '../../../src/adapters/methods/ia3.js';
import { adapterOf, linearOf, modelOf, problemsOf, shapesOf } from './trial.js';

const spec = modelOf(linearOf('k_proj', 6, 10), linearOf('v_proj', 6, 10), linearOf('down_proj', 6, 10));
const on = { target_modules: ['k_proj', 'down_proj'] };

describe('IA3', () => {
  it.each([
    [{ feedforward_modules: ['fc'] }, 'names that are in target_modules too'],
    [{ feedforward_modules: '(' }, 'feedforward_modules'],
    [{}, 'this model has no model_type'],
  ])('refuses %j', (config, why) => expect(problemsOf(ia3, { ...on, ...config }, spec)).toContain(why));

  it('takes targets and feed-forward modules from the architecture where the config names none', () => {
    const l = 'ia3_l';
    expect(shapesOf(adapterOf(ia3, {}, { ...spec, modelType: 'llama' }))).toEqual({
      [`base_model.model.k_proj.${l}`]: [6, 1],
      [`base_model.model.v_proj.${l}`]: [6, 1],
      [`base_model.model.down_proj.${l}`]: [1, 10],
    });
    expect(shapesOf(adapterOf(ia3, on, { ...spec, modelType: 'llama' }))).toMatchObject({
      [`base_model.model.down_proj.${l}`]: [1, 10],
    });
    expect(shapesOf(adapterOf(ia3, { ...on, feedforward_modules: [] }, spec))).toMatchObject({
      [`base_model.model.down_proj.${l}`]: [6, 1],
    });
  });

  it('does not act on embeddings', () =>
    expect(
      problemsOf(
        ia3,
        { target_modules: ['e'], feedforward_modules: [] },
        modelOf({ name: 'e', kind: 'Embedding', params: { weight: [4, 4] } }),
      ),
    ).toContain('a Linear, Conv1D, Conv2d or Conv3d'));
});

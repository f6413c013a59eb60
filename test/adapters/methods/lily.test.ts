import { describe, expect, it } from 'vitest';
import { isMergeable } from '../../../src/adapters/combine.js';
import { lily } from '../../../src/adapters/methods/lily.js';
import { adapterOf, linearOf, modelOf, problemsOf } from './trial.js';

const spec = modelOf(
  ...[0, 1, 2].flatMap((i) => [linearOf(`layers.${i}.q`, 6, 4), linearOf(`layers.${i}.v`, i === 2 ? 3 : 6, 4)]),
);
const on = { target_modules: ['q', 'v'], r: 2 };

/** The tensors that the site of each module uses, by role. */
const used = (config: object, role: string): ReadonlyArray<string | undefined> =>
  adapterOf(lily, { ...on, ...config }, spec).sites.map((s) => s.tensors[role]?.split('.lily')[0]);

const at = (name: string): string => `base_model.model.layers.${name}`;

describe('Lily', () => {
  it.each([
    [{ r: 0 }, 'r'],
    [{ num_B: 1 }, 'an integer of at least 2'],
    [{ stride_A: 0 }, 'stride_A'],
    [{ layers_pattern: ['h'] }, 'layers_to_transform beside layers_pattern'],
  ])('refuses %j', (config, why) => expect(problemsOf(lily, { ...on, ...config }, spec)).toContain(why));

  it('refuses anything but linear layers', () => {
    const other = modelOf({ name: 'q', kind: 'Conv1D', params: { weight: [4, 6] } });
    expect(problemsOf(lily, on, other)).toContain('a Linear');
  });

  it('shares experts among all layers of a target and a shape, and A among neighbours', () => {
    expect(used({}, 'B')).toEqual(['0.q', '0.v', '0.q', '0.v', '0.q', '2.v'].map(at));
    expect(used({}, 'A')).toEqual(['0.q', '0.v', '1.q', '1.v', '2.q', '2.v'].map(at));
    expect(used({ stride_A: 2 }, 'A')).toEqual(['0.q', '0.v', '0.q', '0.v', '2.q', '2.v'].map(at));
    // one regular expression is one target, so only shapes tell layers apart
    expect(used({ target_modules: '.*[.][qv]' }, 'B')).toEqual(['0.q', '0.q', '0.q', '0.q', '0.q', '2.v'].map(at));
  });

  it('keeps each shared tensor once and writes it under every name', () => {
    const leaf = adapterOf(lily, { ...on, stride_A: 3 }, spec);
    expect(leaf.trainable).toHaveLength(6 + 3 + 3);
    expect(Object.keys(leaf.copies)).toHaveLength(3 + 3);
    expect(isMergeable(leaf)).toBe(false);
  });
});

import { describe, expect, it } from 'vitest';
import { gralora } from '../../../src/adapters/methods/gralora.js';
import { linearOf, modelOf, problemsOf } from './trial.js';

const spec = modelOf(linearOf('a', 6, 10));
const on = { target_modules: ['a'], r: 4 };

describe('GraLoRA', () => {
  it.each([
    [{ gralora_k: 0 }, 'greater than 0'],
    [{ r: 0 }, 'greater than 0'],
    [{ hybrid_r: -1 }, 'at least 0'],
    [{ gralora_k: 3 }, 'a multiple of gralora_k = 3'],
    [{ r: 5, gralora_k: 5 }, 'a divisor of the 6 features of a'],
    [{ r: 6, gralora_k: 3 }, 'a divisor of the 10 features of a'],
    [{ gralora_dropout: 1 }, 'a number in [0, 1)'],
  ])('refuses %j', (config, why) => expect(problemsOf(gralora, { ...on, ...config }, spec)).toContain(why));

  it('acts on linear layers alone', () =>
    expect(problemsOf(gralora, on, modelOf({ name: 'a', kind: 'Embedding', params: { weight: [4, 4] } }))).toContain(
      'a Linear or Conv1D',
    ));
});

import { describe, expect, it } from 'vitest';
import { selectParameters } from '../../../src/adapters/targets/parameters.js';
import type { ModelSpec } from '../../../src/models/spec.js';
import { problemsOf, right } from '../../setup/result.js';

const spec: ModelSpec = {
  modelType: undefined,
  className: undefined,
  modules: [
    { name: '', kind: 'Parameters', params: { scale: [2] } },
    { name: 'experts', kind: 'Parameters', params: { gate_up: [2, 4, 4], down: [2, 4, 4] } },
    { name: 'lin', kind: 'Linear', params: { weight: [4, 4], bias: [4] } },
  ],
  ties: [],
  inputEmbedding: undefined,
  outputEmbedding: undefined,
  fileKeys: {},
  config: {},
};

const select = (target_parameters: ReadonlyArray<string>, target_modules: ReadonlyArray<string> = []) =>
  selectParameters({ target_modules, target_parameters }, spec, undefined);

describe('selectParameters', () => {
  it('matches keys and their ends at dots, in the order of the module', () => {
    expect(right(select(['down', 'experts.gate_up'])).map((p) => p.params)).toEqual([['gate_up', 'down']]);
    expect(problemsOf(select(['up']))).toHaveLength(1);
  });

  it('selects nothing where nothing is asked for', () => {
    expect(right(select([]))).toEqual([]);
  });

  it('refuses parameters of the root and of modules that are targets', () => {
    expect(problemsOf(select(['scale', 'weight'], ['lin'])).map((p) => p.found)).toEqual(['scale', 'lin.weight']);
  });

  it('names what is near', () => {
    expect(problemsOf(select(['experts.gate_upp']))[0]?.hint).toContain('experts.gate_up');
  });
});

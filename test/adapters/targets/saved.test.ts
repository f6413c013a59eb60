import { describe, expect, it } from 'vitest';
import { savedNames, selectSaved } from '../../../src/adapters/targets/saved.js';
import type { ModelSpec, ModuleKind } from '../../../src/models/spec.js';
import { right } from '../../setup/result.js';

const kind: ModuleKind = 'Other';
const spec: ModelSpec = {
  modelType: 'x',
  className: undefined,
  modules: ['', 'layer', 'layer.norm', 'layer.prenorm', 'pre_classifier', 'classifier', 'classifier.dense'].map(
    (name) => ({ name, kind, params: {} }),
  ),
  ties: [],
  inputEmbedding: undefined,
  outputEmbedding: undefined,
  fileKeys: {},
  config: {},
};

const select = (modules_to_save: ReadonlyArray<string> | null, task_type: string | null = null) =>
  right(selectSaved({ modules_to_save, task_type }, spec));

describe('savedNames', () => {
  it('adds the heads of the task, each once', () => {
    expect(savedNames(['score', 'norm'], 'SEQ_CLS')).toEqual(['score', 'norm', 'classifier']);
    expect(savedNames(null, 'TOKEN_CLS')).toEqual(['classifier', 'score']);
    expect(savedNames(undefined, 'QUESTION_ANS')).toEqual(['qa_outputs']);
    expect(savedNames([], 'CAUSAL_LM')).toEqual([]);
    expect(savedNames([], 'constructor')).toEqual([]);
  });
});

describe('selectSaved', () => {
  it('compares bare endings, without regard to dots', () => {
    expect(select(['norm']).modules.map((m) => m.name)).toEqual(['layer.norm', 'layer.prenorm']);
    expect(select(null, 'SEQ_CLS').modules.map((m) => m.name)).toEqual(['pre_classifier', 'classifier']);
  });

  it('warns of a name that matches nothing, unless the task brought it', () => {
    expect(select(['nrom'], 'SEQ_CLS').warnings).toEqual([
      'adapter_config.json: modules_to_save: no module ends with "nrom". Near names in the model: norm',
    ]);
  });
});

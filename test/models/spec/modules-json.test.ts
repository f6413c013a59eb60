import { describe, expect, it } from 'vitest';
import { specFromModules } from '../../../src/models/spec-of.js';
import { parameters } from '../../../src/models/spec.js';
import { problemsOf, right } from '../../setup/result.js';
import { linesOf } from '../tree-text.js';

const conv = {
  kernel_size: [3, 3],
  stride: [1, 1],
  padding: [0, 0],
  dilation: [1, 1],
  groups: 8,
  padding_mode: 'zeros',
};

const json = {
  model: 'Toy',
  modules: {
    '': { kind: 'Toy' },
    emb: { kind: 'Embedding', num_embeddings: 10, padding_idx: null },
    conv2d: { kind: 'Conv2d', ...conv },
    c: { kind: 'Conv1D', nf: 1, nx: 5 },
    mha: { kind: 'MultiheadAttention', num_heads: 2 },
    'mha.out_proj': { kind: 'NonDynamicallyQuantizableLinear' },
    raw: { kind: '_LinearUsingParameter' },
    norm: { kind: 'LlamaRMSNorm' },
    bn: { kind: 'BatchNorm1d' },
    relu: { kind: 'ReLU' },
  },
};

const shapes = {
  'bn.bias': [5],
  'bn.num_batches_tracked': [],
  'bn.running_mean': [5],
  'c.weight': [5, 1],
  'conv2d.bias': [16],
  'conv2d.weight': [16, 2, 3, 3],
  'emb.weight': [10, 5],
  'mha.in_proj_bias': [30],
  'mha.in_proj_weight': [30, 10],
  'mha.out_proj.bias': [10],
  'mha.out_proj.weight': [10, 10],
  'norm.weight': [5],
  'raw.weight': [10, 20],
};

describe('specFromModules', () => {
  it('takes kinds from class names and parameters from shapes', () => {
    const spec = right(specFromModules(json, shapes));
    expect(linesOf(spec)).toEqual([
      '- Other',
      'emb Embedding weight=10x5',
      'conv2d Conv2d weight=16x2x3x3 bias=16',
      'c Conv1D weight=5x1',
      'mha MultiheadAttention in_proj_weight=30x10 in_proj_bias=30',
      'mha.out_proj Linear weight=10x10 bias=10',
      'raw Parameters weight=10x20',
      'norm RMSNorm weight=5',
      'bn Parameters bias=5',
      'relu Other',
    ]);
    expect(spec.modules.find((m) => m.name === 'conv2d')?.conv).toEqual({
      kernel: [3, 3],
      stride: [1, 1],
      padding: [0, 0],
      dilation: [1, 1],
      groups: 8,
    });
    expect(spec.modules.find((m) => m.name === 'mha')?.heads).toBe(2);
    expect([spec.modelType, spec.className]).toEqual([undefined, 'Toy']);
    expect(parameters(spec)).toHaveLength(Object.keys(shapes).length - 2);
  });

  it('works out same and valid padding', () => {
    const with_ = (padding: unknown, dilation = [1, 1]) =>
      specFromModules(
        { model: 'T', modules: { a: { ...conv, kind: 'Conv2d', padding, dilation } } },
        { 'a.weight': [16, 2, 3, 3] },
      );
    expect(right(with_('same', [1, 2])).modules[0]?.conv?.padding).toEqual([1, 2]);
    expect(right(with_('valid')).modules[0]?.conv?.padding).toEqual([0, 0]);
    expect(problemsOf(with_('other'))).toHaveLength(1);
    expect(problemsOf(with_([0]))).toHaveLength(1);
  });

  it('collects problems', () => {
    expect(problemsOf(specFromModules({ model: 'T' }, {}))).toHaveLength(1);
    expect(problemsOf(specFromModules({ model: 'T', modules: { a: { kind: 1 } } }, {}))).toHaveLength(1);
    expect(
      problemsOf(specFromModules(json, { 'x.weight': [1], 'y.weight': [1], 'toString.weight': [1] })),
    ).toHaveLength(3);
    const circular = { ...conv, kind: 'Conv2d', padding_mode: 'circular' };
    const flat = { ...conv, kind: 'Conv2d' };
    expect(
      problemsOf(
        specFromModules(
          { model: 'T', modules: { a: circular, b: flat } },
          { 'a.weight': [16, 2, 3, 3], 'b.weight': [4, 4] },
        ),
      ),
    ).toHaveLength(2);
  });
});

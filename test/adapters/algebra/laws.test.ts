/**
 * A few laws on tiny tensors, on every backend: also on webgpu, where kernels are slow in CI and subnormals may be lost.
 */
import * as fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import type { Algebra } from '../../../src/adapters/updates/traits.js';
import {
  checkLaw,
  composeLaw,
  definitionLaw,
  formLaw,
  forwardLaw,
  identityLaw,
  inverseLaw,
  layoutLaw,
  localityLaw,
  loraDefinition,
  methodArbitraries,
  neutralLaw,
  pointwiseLaw,
  purityLaw,
  scaleEndsLaw,
  scaleLaw,
  subjectData,
  subtractLaw,
  sumLaw,
  unapplyLaw,
  unitLaw,
  type Law,
  type MethodArbitrary,
} from '../../../src/laws/index.js';
import type { ModelSpec } from '../../../src/models/spec.js';

const lora = methodArbitraries['LORA'];
if (lora === undefined) throw new Error('no arbitrary for LORA');

/** Variants that decompose weights do so on the host, which a GPU's tensors do not reach at once. */
const decomposes = (config: Readonly<Record<string, unknown>>): boolean =>
  'kasa_config' in config || ['pissa', 'olora', 'mica'].some((start) => config['init_lora_weights'] === start);

const from: MethodArbitrary =
  inject('backend') === 'webgpu'
    ? { ...lora, config: (model, atMost) => lora.config(model, atMost).filter((config) => !decomposes(config)) }
    : lora;

const small = fc.constantFrom(1, 2, 3, 5);

/** A linear layer in each layout and an embedding, with few numbers. */
const spec: fc.Arbitrary<ModelSpec> = fc.tuple(small, small, small).map(([m, n, d]) => ({
  modelType: undefined,
  className: undefined,
  modules: [
    { name: '', kind: 'Other', params: {} },
    { name: 'model', kind: 'Other', params: {} },
    { name: 'model.embed_tokens', kind: 'Embedding', params: { weight: [m + 1, d] } },
    { name: 'model.layers', kind: 'Other', params: {} },
    { name: 'model.layers.0', kind: 'Other', params: {} },
    { name: 'model.layers.0.q_proj', kind: 'Linear', params: { weight: [n, d + 1], bias: [n] } },
    { name: 'model.layers.0.c_fc', kind: 'Conv1D', params: { weight: [d, m], bias: [m] } },
  ],
  ties: [],
  inputEmbedding: 'model.embed_tokens',
  outputEmbedding: undefined,
  fileKeys: {},
  config: { num_hidden_layers: 1 },
}));

const check = async (law: Law, algebra: Algebra): Promise<void> => {
  const subjects = subjectData(from, algebra, law.arity, { spec, normal: true });
  const report = await checkLaw(law, subjects, { runs: 4, seed: 29, shrinks: 20 });
  expect(report.holds, report.detail).toBe(true);
};

const definition = definitionLaw(() => loraDefinition);
const merging = [identityLaw, purityLaw, localityLaw, formLaw, unapplyLaw, unitLaw, composeLaw, pointwiseLaw];
const rounding = [neutralLaw, forwardLaw, layoutLaw, definition];
const additive = [subtractLaw, sumLaw, scaleLaw, scaleEndsLaw, inverseLaw];
const named = (laws: ReadonlyArray<Law>) => laws.map((law) => ({ law, name: law.name }));

describe('additive adapters', () => {
  it.each(named([...merging, ...rounding, ...additive]))('$name', ({ law }) => check(law, 'additive'));
});

describe('DoRA and replacements', () => {
  it.each(named([...merging.filter((law) => law !== composeLaw), ...rounding]))('$name', ({ law }) =>
    check(law, 'dependent'),
  );
});

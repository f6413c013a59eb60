/**
 * The forward pass of a case on the inputs that it holds.
 */
import type { ModelWeights } from '../src/adapters/attached.js';
import { E } from '../src/fp.js';
import type { ModelInputs } from '../src/models/any-model.js';
import { modelOf } from '../src/models/registry.js';
import type { ModelSpec } from '../src/models/spec.js';
import { tensorOf } from '../src/ops/backend.js';
import type { Tensor } from '../src/ops/tensor.js';
import { renderProblem } from '../src/problem.js';
import type { GoldenCase } from './case.js';
import { valuesOf } from './compare.js';
import { orThrow } from './or-throw.js';
import { toyForward } from './toy.js';

/** What a model computes of the case's inputs. */
export type CaseForward = (spec: ModelSpec, weights: ModelWeights) => Tensor;

const camel = (name: string): string => name.replace(/_[a-z]/g, (c) => c.slice(1).toUpperCase());

/** The tensors of a case's inputs, by Weft's names of them. */
const inputsOf = (c: GoldenCase): Readonly<Record<string, Tensor>> =>
  Object.fromEntries(
    [...c.expected].flatMap(([name, raw]) => {
      if (!name.startsWith('input.')) return [];
      const values = valuesOf(raw);
      const tensor = tensorOf(raw.dtype.startsWith('I') ? Int32Array.from(values) : values, raw.shape);
      return [[camel(name.slice('input.'.length)), tensor] as const];
    }),
  );

/** The forward pass of a case, or why there is none. */
export const forwardOf = (c: GoldenCase): CaseForward | string => {
  if (c.family === 'toy') return (spec, p) => toyForward(spec, p, inputsOf(c)['X'] as Tensor) as Tensor;
  const model = modelOf(c.spec);
  if (E.isLeft(model)) return model.left.map(renderProblem).join('; ');
  return (spec, p) => orThrow(modelOf(spec))(p, inputsOf(c) as unknown as ModelInputs);
};

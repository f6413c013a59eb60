/**
 * The sites of LoRA on raw parameters (`target_parameters`): matrices, and stacks of experts' matrices.
 */
import { E } from '../../../fp.js';
import { paramKey, type ModelSpec, type ModuleSpec } from '../../../models/spec.js';
import type { Shape } from '../../../ops/tensor.js';
import { all, fail, type Result } from '../../../problem.js';
import type { Part } from '../../site.js';
import { weightFactors, weightPart, type Strength } from './parts.js';
import type { LoraDetail } from './update.js';

/** Raw parameters of one module: the first in the module's own order is innermost, so each earlier one adds a `base_layer`. */
export const parameterParts = (
  spec: ModelSpec,
  m: ModuleSpec,
  params: ReadonlyArray<string>,
  strength: (name: string) => Strength,
): Result<ReadonlyArray<Part<LoraDetail>>> =>
  all(
    params.map((param, i) => {
      const shape = m.params[param] as Shape;
      const { r, s } = strength(paramKey(m.name, param));
      if (shape.length !== 2 && shape.length !== 3)
        return fail(
          `target_parameters: ${paramKey(m.name, param)}`,
          'a parameter with 2 or 3 axes',
          `${shape.length} axes`,
        );
      const experts = shape.length === 3 ? (shape[0] as number) : 1;
      const transposed = shape.length === 3 && m.transposed === true;
      const [out, inputs] = transposed
        ? [shape[2] as number, shape[1] as number]
        : (shape.slice(-2) as [number, number]);
      return E.right(
        weightPart(spec, {
          module: m.name,
          param,
          prefix: `${m.name}${'.base_layer'.repeat(params.length - 1 - i)}`,
          A: [weightFactors.A, [r * experts, inputs]],
          B: [weightFactors.B, [out, r * experts]],
          m: undefined,
          detail:
            shape.length === 3
              ? { _tag: 'Experts', s, r, experts, transposed }
              : { _tag: 'Linear', s, r, transposed: false },
        }),
      );
    }),
  );

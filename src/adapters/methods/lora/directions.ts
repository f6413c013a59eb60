/**
 * VeLoRA's directions after a training step.
 */
import { meanDirection } from '../../../ops/compressed-linear.js';
import { recordOf, type Tensor } from '../../../ops/tensor.js';
import type { Leaf } from '../../adapter.js';
import { layersOf } from './layers.js';
import { directionOf } from './velora.js';

/**
 * A VeLoRA with the directions that a training step leaves in it: of each layer's last batch with "batch_average", of its first one
 * where the direction is still zero with "batch_average_once", as they are with "random". A pass in training takes its own batch's
 * without this; what is stored counts in a file, and for "batch_average_once" in the passes after.
 *
 * @param inputs batches [tokens, in] by module name (see `layerInputs`); a layer without one keeps its direction
 * @returns the leaf with new directions [ceil(in / num_groups)], which the caller owns
 */
export const nextDirections = (leaf: Leaf, inputs: Readonly<Record<string, ReadonlyArray<Tensor>>>): Leaf => {
  const next = layersOf(leaf, 'Compressed').flatMap(({ module, form: { config }, names, tensors }) => {
    const batches = Object.hasOwn(inputs, module) ? (inputs[module] ?? []) : [];
    const source = directionOf(config);
    const x = source === 'batch' ? batches[batches.length - 1] : batches[0];
    if (x === undefined || source === 'stored') return [];
    const given = source === 'first-batch' ? tensors['e'] : undefined;
    return [[names['e'] as string, meanDirection(x, config.num_groups, given)] as const];
  });
  return { ...leaf, params: recordOf([...Object.entries(leaf.params), ...next]) };
};

/**
 * Inputs of layers as the starts that look at data read them.
 */
import { matrixOf, type Matrix } from '../../ops/linalg/index.js';
import { recordOf, type Tensor } from '../../ops/tensor.js';

/** Inputs of linear layers by module name: batches [tokens, in], the same tokens in the same order for all. */
export type Activations = Readonly<Record<string, ReadonlyArray<Matrix>>>;

/**
 * Reads what `layerInputs` gives, for `evaInit` and, layer by layer, for `covariance`.
 *
 * @param inputs batches [tokens, in] by module name, which stay the caller's
 */
export const activationsOf = async (inputs: Readonly<Record<string, ReadonlyArray<Tensor>>>): Promise<Activations> => {
  const read: (readonly [string, ReadonlyArray<Matrix>])[] = [];
  for (const [module, batches] of Object.entries(inputs)) read.push([module, await Promise.all(batches.map(matrixOf))]);
  return recordOf(read);
};

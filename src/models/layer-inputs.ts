/**
 * What linear layers read while a model runs: the data that EVA, CorDA and VeLoRA's directions come from.
 */
import { baseOf, isAttached, updateOf, type Attached, type ModelWeights } from '../adapters/attached.js';
import { sequence, type WeightUpdate } from '../adapters/update.js';
import { stopGradient } from '../ops/stop-gradient.js';
import { recordOf, type Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import { paramKey } from './spec.js';

/** Inputs of linear layers by module name: one tensor [tokens, in] for each time that the layer ran, owned by the caller. */
export type LayerInputs = Readonly<Record<string, ReadonlyArray<Tensor>>>;

/**
 * Runs `f` on weights whose linear layers tell what they read; the value is the same as that of f(p).
 *
 * Inputs are constants for gradients, and outlive every `scope` around.
 * A layer that runs again is heard again: in both passes of X-LoRA, and in the backward pass of `checkpoint`.
 *
 * @param modules names of Linear and Conv1D modules; one that does not run has no inputs
 * @param f a forward pass, of any kind of model
 */
export const layerInputs = <A>(
  p: ModelWeights,
  modules: ReadonlyArray<string>,
  f: (p: Attached) => A,
): { readonly value: A; readonly inputs: LayerInputs } => {
  const heard = new Map(modules.map((name) => [name, [] as Tensor[]]));
  const tapped = [...heard].map(([name, batches]) => {
    const key = paramKey(name, 'weight');
    const hear = (x: Tensor): void => void batches.push(tf.keep(stopGradient(x)));
    const tap: WeightUpdate = { _tag: 'Branch', kind: 'Tap', hear, reason: 'this pass tells what its layers read' };
    const update = updateOf(p, key);
    return [key, update === undefined ? tap : sequence([tap, update])] as const;
  });
  const updates = recordOf([...Object.entries(isAttached(p) ? p.updates : {}), ...tapped]);
  try {
    return { value: f({ _tag: 'Attached', weights: baseOf(p), updates }), inputs: recordOf([...heard]) };
  } catch (error) {
    heard.forEach((batches) => tf.dispose(batches));
    throw error;
  }
};

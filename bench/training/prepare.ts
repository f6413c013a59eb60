/**
 * A training step on tfjs: Weft's gradients, or tfjs's own, of the same functions.
 */
import * as tf from '@tensorflow/tfjs-core';
import { attach } from '../../src/adapters/apply.js';
import { trainable, withTrainable } from '../../src/adapters/leaf.js';
import { loadAdapter } from '../../src/io/peft.js';
import { causalCrossEntropy } from '../../src/models/loss.js';
import { recordOf, type Tensor, type Weights } from '../../src/ops/tensor.js';
import { valueAndGrad } from '../../src/ops/value-and-grad.js';
import { tensors } from '../made.js';
import { modelTaskOf, readModel } from '../models/read.js';
import { onTfjs } from '../on-tfjs.js';
import { orThrow } from '../../parity/or-throw.js';

/** tfjs's own gradients over a record. */
const stockValueAndGrad = (loss: (params: Weights) => Tensor) => (params: Weights) => {
  const names = Object.keys(params);
  const ofList = tf.valueAndGrads(
    (...list) => loss(recordOf(list.map((t, i) => [names[i] as string, t] as const))) as tf.Scalar,
  );
  const { value, grads } = ofList(Object.values(params));
  return { value, grads: recordOf(grads.map((g, i) => [names[i] as string, g] as const)) };
};

export const prepare = onTfjs(async (task, side) => {
  const model = modelTaskOf(task);
  const { spec, weights, forward, inputIds } = await readModel(model);
  const { adapter } = orThrow(await loadAdapter(model.adapter, spec));
  const params = trainable(adapter);
  const differentiate = side === 'weft' ? valueAndGrad : stockValueAndGrad;
  return ({ checkpoint = false }) => {
    const inputs = { inputIds, checkpoint: checkpoint === true };
    const loss = (p: Weights): Tensor =>
      causalCrossEntropy(forward(attach(withTrainable(adapter, p), weights), inputs), inputIds);
    const { value, grads } = differentiate(loss)(params);
    return tensors([
      value,
      ...Object.keys(grads)
        .toSorted()
        .map((name) => grads[name] as Tensor),
    ]);
  };
});

/**
 * A training step on tfjs: Weft's gradients, or tfjs's own, of the same functions.
 */
import * as tf from '@tensorflow/tfjs-core';
import { attach } from '../../src/adapters/apply.js';
import { trainable, withTrainable } from '../../src/adapters/leaf.js';
import { E } from '../../src/fp.js';
import { openModel, readWeights } from '../../src/io/model.js';
import { loadAdapter } from '../../src/io/peft.js';
import { causalCrossEntropy } from '../../src/models/loss.js';
import { modelOf } from '../../src/models/registry.js';
import { tensorOf } from '../../src/ops/backend.js';
import { recordOf, type Tensor, type Weights } from '../../src/ops/tensor.js';
import { valueAndGrad } from '../../src/ops/value-and-grad.js';
import { renderProblems, type Result } from '../../src/problem.js';
import { tensors } from '../made.js';
import { onTfjs } from '../on-tfjs.js';
import { stepOf, tokenIds } from './step.js';

const orThrow = <A>(result: Result<A>): A => {
  if (E.isLeft(result)) throw new Error(renderProblems(result.left));
  return result.right;
};

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
  const step = stepOf(task);
  const model = orThrow(await openModel(step.base));
  const weights = orThrow(await readWeights(model));
  await model.checkpoint.close();
  const { adapter } = orThrow(await loadAdapter(step.adapter, model.spec));
  const forward = orThrow(modelOf(model.spec));
  const inputIds = tensorOf(tokenIds(step), step.ids);
  const loss = (params: Weights): Tensor =>
    causalCrossEntropy(forward(attach(withTrainable(adapter, params), weights), { inputIds }), inputIds);
  const params = trainable(adapter);
  const ofParams = side === 'weft' ? valueAndGrad(loss) : stockValueAndGrad(loss);
  return () => {
    const { value, grads } = ofParams(params);
    return tensors([
      value,
      ...Object.keys(grads)
        .toSorted()
        .map((name) => grads[name] as Tensor),
    ]);
  };
});

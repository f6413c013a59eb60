/** A long training loop does not grow: tensors, bytes and the wasm heap. */
import { expect, it } from 'vitest';
import { attach } from '../../src/adapters/apply.js';
import { init } from '../../src/adapters/init.js';
import { trainable, withTrainable } from '../../src/adapters/leaf.js';
import { lora } from '../../src/adapters/methods/lora/lora.js';
import { E } from '../../src/fp.js';
import { causalCrossEntropy } from '../../src/models/loss.js';
import { specOf } from '../../src/models/spec-of.js';
import { currentBackend, dispose, read, scope } from '../../src/ops/backend.js';
import { key } from '../../src/ops/random.js';
import { mapRecord, type Tensor, type Weights } from '../../src/ops/tensor.js';
import { tf } from '../../src/ops/tf.js';
import { valueAndGrad } from '../../src/ops/value-and-grad.js';
import { baseConfig, baseWeights } from './golden.js';
import { integers, modelFor } from './language-models.js';

interface Memory {
  readonly tensors: number;
  readonly bytes: number;
  readonly buffers: number;
  readonly heap: number;
}

const memory = (): Memory => {
  const { numTensors, numBytes, numDataBuffers } = tf.memory();
  const { wasm } = tf.backend() as unknown as { readonly wasm?: { readonly HEAPU8: Uint8Array } };
  return { tensors: numTensors, bytes: numBytes, buffers: numDataBuffers, heap: wasm?.HEAPU8.length ?? 0 };
};

const STEPS = 300;

it(`${STEPS} steps, some of which fail, leave memory as it was and train`, async () => {
  const weights = baseWeights('llama');
  const spec = specOf(
    baseConfig('llama'),
    mapRecord(weights, (W) => W.shape),
  );
  if (E.isLeft(spec)) throw new Error('no spec');
  const adapter = init(lora, { r: 2, target_modules: ['q_proj', 'v_proj'] }, { spec: spec.right, key: key(1) });
  if (E.isLeft(adapter)) throw new Error('no adapter');
  const leaf = adapter.right;
  const model = modelFor({ base: 'llama', config: {} });
  const inputIds = integers([
    [3, 50, 8, 9],
    [50, 1, 7, 2],
  ]);
  const lossAt = (step: number) =>
    valueAndGrad((p: Weights): Tensor => {
      const run = model.run(attach(withTrainable(leaf, p), weights), { inputIds, checkpoint: step % 2 === 1 });
      const loss = causalCrossEntropy(run.logits, inputIds);
      if (step % 10 === 7) throw new Error('a bad batch');
      // the gradient of a gradient, now and then
      if (step % 10 !== 3) return loss;
      const inner = valueAndGrad((q) => tf.sum(tf.square(q['x'] as Tensor)));
      return tf.add(loss, tf.mul(tf.sum(inner({ x: Object.values(p)[0] as Tensor }).grads['x'] as Tensor), 0));
    });
  const step = (params: Weights, n: number): { readonly loss: Tensor; readonly params: Weights } =>
    scope(() => {
      const { value, grads } = lossAt(n)(params);
      return { loss: value, params: mapRecord(params, (p, name) => tf.sub(p, tf.mul(grads[name] as Tensor, 0.5))) };
    });

  let params = mapRecord(trainable(leaf), (p) => tf.clone(p));
  let warm: Memory | undefined;
  const losses: number[] = [];
  for (let n = 0; n < STEPS; n++) {
    if (n % 10 === 7) expect(() => step(params, n)).toThrow('a bad batch');
    else {
      const next = step(params, n);
      losses.push((await read(next.loss))[0] as number);
      dispose({ loss: next.loss });
      dispose(params);
      params = next.params;
    }
    if (n === 20) warm = memory();
    if (n > 20 && n % 50 === 0) expect(memory()).toEqual(warm);
  }
  expect(memory()).toEqual(warm);
  expect(warm?.heap).toSatisfy((n: number) => (currentBackend() === 'wasm' ? n > 0 : n === 0));
  expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 2);
}, 300_000);

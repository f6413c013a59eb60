import { describe, expect, it } from 'vitest';
import { attach } from '../../src/adapters/apply.js';
import { activationsOf } from '../../src/adapters/inits/activations.js';
import { covariance } from '../../src/adapters/inits/corda.js';
import { nextDirections } from '../../src/adapters/methods/lora/directions.js';
import { lora } from '../../src/adapters/methods/lora/lora.js';
import { layerInputs } from '../../src/models/layer-inputs.js';
import { conv1D, linear } from '../../src/models/layers/linear.js';
import { numTensors, read, scope } from '../../src/ops/backend.js';
import { meanDirection } from '../../src/ops/compressed-linear.js';
import { key, uniform } from '../../src/ops/random.js';
import { tf } from '../../src/ops/tf.js';
import { valueAndGrad } from '../../src/ops/value-and-grad.js';
import type { ModelWeights } from '../../src/adapters/attached.js';
import type { Tensor } from '../../src/ops/tensor.js';
import { adapterOf, linearOf, modelOf, weightsOf } from '../adapters/methods/trial.js';
import { right } from '../setup/result.js';

const spec = modelOf(linearOf('a', 6, 4), {
  name: 'g',
  kind: 'Conv1D' as const,
  params: { weight: [6, 3], bias: [3] },
});
const weights = weightsOf(spec);
const x = uniform(key(5), [2, 5, 4], -1);
const forward = (p: ModelWeights, at = x): Tensor => conv1D(p, 'g', tf.relu(linear(p, 'a', at)));
const fields = { target_modules: ['a', 'g'], r: 2, init_lora_weights: false };

describe('layerInputs', () => {
  it('tells what each layer reads, token by token, and changes nothing', async () => {
    const { value, inputs } = layerInputs(weights, ['a', 'g', 'none'], (p) => forward(p));
    expect(await read(value)).toEqual(await read(forward(weights)));
    expect(inputs['a']?.map((t) => t.shape)).toEqual([[10, 4]]);
    expect(await read(inputs['a']?.[0] as Tensor)).toEqual(await read(x));
    expect(await read(inputs['g']?.[0] as Tensor)).toEqual(await read(tf.relu(linear(weights, 'a', x))));
    expect(inputs['none']).toEqual([]);
  });

  it.each([
    ['LoRA', {}],
    ['DoRA', { use_dora: true }],
    ['VeLoRA', { velora_config: { num_groups: 2 } }],
    ['activated LoRA', { alora_invocation_tokens: [1] }],
  ])('hears beside %s', async (_name, more) => {
    const attached = attach(adapterOf(lora, { ...fields, ...more }, spec), weights, {
      training: true,
      inputIds: [
        [1, 2, 3, 4, 5],
        [2, 2, 2, 1, 2],
      ],
    });
    const { value, inputs } = layerInputs(attached, ['a', 'g'], (p) => forward(p));
    expect(await read(value)).toEqual(await read(forward(attached)));
    expect(inputs['g']).toHaveLength(1);
    expect(await read(inputs['g']?.[0] as Tensor)).toEqual(await read(tf.relu(linear(attached, 'a', x))));
  });

  it('keeps the inputs alone, out of scopes and of gradients, and nothing where the pass fails', () => {
    const before = numTensors();
    const { value, inputs } = scope(() => layerInputs(weights, ['a', 'g'], (p) => forward(p)));
    expect(numTensors()).toBe(before + 3);
    const { value: loss, grads } = valueAndGrad((p) => {
      const heard = layerInputs(weights, ['g'], (at) => forward(at, p['x']));
      tf.dispose(heard.inputs['g'] as unknown as tf.TensorContainer);
      return tf.sum(tf.square(heard.value));
    })({ x });
    const expected = valueAndGrad((p) => tf.sum(tf.square(forward(weights, p['x']))))({ x });
    expect(grads['x']?.dataSync()).toEqual(expected.grads['x']?.dataSync());
    tf.dispose([value, inputs, loss, grads, expected] as unknown as tf.TensorContainer);
    const fails = (): never => {
      throw new Error('no such model');
    };
    expect(() =>
      scope(() =>
        layerInputs(weights, ['a'], (p) => {
          forward(p);
          return fails();
        }),
      ),
    ).toThrow('no such model');
    expect(numTensors()).toBe(before);
  });

  it('is the data of the starts that look at data', async () => {
    const { inputs } = layerInputs(weights, ['a', 'g'], (p) => forward(p));
    const activations = await activationsOf(inputs);
    expect(activations['g']?.[0]).toMatchObject({ rows: 10, cols: 6 });
    const C = right(covariance(activations['a'] ?? []));
    const largest = Math.max(...(await read(x)));
    const gram = tf.matMul(tf.reshape(x, [10, 4]), tf.reshape(x, [10, 4]), true);
    expect([...C.data]).toBeAllClose(await read(tf.div(gram, largest ** 2)), { atol: 1e-5, rtol: 1e-4 });
  });
});

describe("VeLoRA's directions after a step", () => {
  const at = 'base_model.model.a.lora_velora_embed';
  const of = (init_type: string) => adapterOf(lora, { ...fields, velora_config: { num_groups: 2, init_type } }, spec);
  const direction = (leaf: ReturnType<typeof of>): Promise<Float32Array> => read(leaf.params[at] as Tensor);
  const batches = (): Readonly<Record<string, ReadonlyArray<Tensor>>> => ({
    a: [uniform(key(1), [4, 4]), uniform(key(2), [4, 4], -1)],
  });
  const mean = (i: number): Promise<Float32Array> => read(meanDirection(batches()['a']?.[i] as Tensor, 2));

  it('are those of the last batch, of the first one alone, or as they were', async () => {
    expect(await direction(nextDirections(of('batch_average'), batches()))).toBeAllClose(await mean(1), { atol: 1e-6 });
    const once = nextDirections(of('batch_average_once'), batches());
    expect(await direction(once)).toBeAllClose(await mean(0), { atol: 1e-6 });
    expect(await direction(nextDirections(once, { a: [batches()['a']?.[1] as Tensor] }))).toBeAllClose(await mean(0), {
      atol: 1e-6,
    });
    const random = of('random');
    expect(nextDirections(random, batches()).params[at]).toBe(random.params[at]);
    const zero = of('batch_average');
    expect(nextDirections(zero, {}).params[at]).toBe(zero.params[at]);
  });
});

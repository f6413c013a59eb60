import { describe, expect, it } from 'vitest';
import { attach } from '../../../src/adapters/apply.js';
import { trainable, withTrainable } from '../../../src/adapters/leaf.js';
import { compose } from '../../../src/adapters/combine.js';
import { lora } from '../../../src/adapters/methods/lora/lora.js';
import { conv1D, linear } from '../../../src/models/layers/linear.js';
import { read } from '../../../src/ops/backend.js';
import { key, uniform } from '../../../src/ops/random.js';
import { mapRecord, type Tensor } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { valueAndGrad } from '../../../src/ops/value-and-grad.js';
import { adapterOf, linearOf, modelOf, weightsOf } from './trial.js';

const spec = modelOf(
  linearOf('a', 6, 4),
  { name: 'free', kind: 'Linear', params: { weight: [6, 4] } },
  { name: 'g', kind: 'Conv1D' as const, params: { weight: [4, 6], bias: [6] } },
);
const fields = { target_modules: ['a', 'free', 'g'], r: 2, lora_alpha: 3, lora_bias: true };
const made = adapterOf(lora, { ...fields, alora_invocation_tokens: [5, 9] }, spec);
/** With numbers everywhere: B and its bias start at zero. */
const filled = mapRecord(made.params, (p, name) => uniform(key(name.length), p.shape, -1));
const leaf = { ...made, params: filled };
const everywhere = { ...adapterOf(lora, fields, spec), params: filled };
const weights = weightsOf(spec);
/** Invoked at token 1 of 4, from the first on, not at all. */
const inputIds = [
  [7, 5, 9, 2],
  [5, 9, 0, 0],
  [1, 2, 3, 4],
];
const mask = [0, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0];
const x = uniform(key(5), [3, 4, 4], -1);
const layers = { a: linear, free: linear, g: conv1D } as const;

describe('activated LoRA with lora_bias', () => {
  it.each(['a', 'free', 'g'] as const)('changes the bias of %s from the invocation on', async (name) => {
    const layer = layers[name];
    const before = await read(layer(weights, name, x));
    const after = await read(layer(attach(everywhere, weights), name, x));
    const expected = before.map((y, i) => (mask[Math.floor(i / 6)] === 1 ? (after[i] as number) : y));
    expect(await read(layer(attach(leaf, weights, { inputIds }), name, x))).toBeAllClose(expected, {
      atol: 1e-5,
      rtol: 1e-5,
    });
  });

  it('adds to what another adapter makes of the bias', async () => {
    const p = attach(compose(everywhere, leaf), weights, { inputIds });
    const once = await read(linear(attach(everywhere, weights), 'a', x));
    const twice = await read(linear(attach(compose(everywhere, everywhere), weights), 'a', x));
    const expected = once.map((y, i) => (mask[Math.floor(i / 6)] === 1 ? (twice[i] as number) : y));
    expect(await read(linear(p, 'a', x))).toBeAllClose(expected, { atol: 1e-5, rtol: 1e-5 });
  });

  it('has as gradient of the bias the sum over invoked tokens, times the scaling', async () => {
    const { grads } = valueAndGrad((params) =>
      tf.sum(linear(attach(withTrainable(leaf, params), weights, { inputIds }), 'a', x)),
    )(trainable(leaf));
    const bias = grads['base_model.model.a.lora_B.bias'] as Tensor;
    expect(await read(bias)).toBeAllClose(new Float32Array(6).fill(7 * 1.5), { atol: 1e-5, rtol: 0 });
  });
});

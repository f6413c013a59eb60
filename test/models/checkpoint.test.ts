/** Gradient checkpointing by layer changes memory and time, and nothing else. */
import { describe, expect, it } from 'vitest';
import { attach } from '../../src/adapters/apply.js';
import { init } from '../../src/adapters/init.js';
import { trainable, withTrainable } from '../../src/adapters/leaf.js';
import { ia3 } from '../../src/adapters/methods/ia3.js';
import { lora } from '../../src/adapters/methods/lora/lora.js';
import { prefixTuning } from '../../src/adapters/methods/prefix-tuning.js';
import { E } from '../../src/fp.js';
import { causalCrossEntropy } from '../../src/models/loss.js';
import type { Inputs } from '../../src/models/model.js';
import { forward } from '../../src/models/registry.js';
import { specOf } from '../../src/models/spec-of.js';
import { dispose, numTensors, read } from '../../src/ops/backend.js';
import { key } from '../../src/ops/random.js';
import { mapRecord, type Tensor, type Weights } from '../../src/ops/tensor.js';
import { tf } from '../../src/ops/tf.js';
import { valueAndGrad } from '../../src/ops/value-and-grad.js';
import { renderProblems, type Result } from '../../src/problem.js';
import { baseConfig, baseWeights } from './golden.js';
import { integers, modelFor, variants, wavePast, type Variant } from './language-models.js';

const orThrow = <A>(result: Result<A>): A => {
  if (E.isLeft(result)) throw new Error(renderProblems(result.left));
  return result.right;
};

const rows = [
  [3, 50, 8, 9],
  [50, 1, 7, 2],
];

type Loss = (params: Weights, checkpoint: boolean) => Tensor;

/** The same value bit by bit, and the same gradients up to the order in which uses of one tensor are summed. */
const expectSame = async (loss: Loss, params: Weights): Promise<void> => {
  const before = numTensors();
  const [plain, again] = [false, true].map((on) => valueAndGrad((p) => loss(p, on))(params));
  expect(await read(again?.value as Tensor)).toEqual(await read(plain?.value as Tensor));
  for (const name of Object.keys(params)) {
    const expected = await read(plain?.grads[name] as Tensor);
    const scale = expected.reduce((top, x) => Math.max(top, Math.abs(x)), 0);
    expect(await read(again?.grads[name] as Tensor)).toBeAllClose(expected, { rtol: 1e-6, atol: 1e-6 * scale });
  }
  [plain, again].forEach((r) => r && dispose({ value: r.value, ...r.grads }));
  expect(numTensors()).toBe(before);
};

const lossOf = (variant: Variant, inputs: Omit<Inputs, 'inputIds' | 'inputsEmbeds'> = {}) => {
  const model = modelFor(variant);
  const inputIds = integers(rows);
  return (p: Parameters<typeof model.run>[0], checkpoint: boolean): Tensor =>
    causalCrossEntropy(model.run(p, { inputIds, ...inputs, checkpoint }).logits, inputIds);
};

const methods = [
  ['LoRA', lora, { r: 2, target_modules: 'all-linear', init_lora_weights: false }],
  ['DoRA', lora, { r: 2, target_modules: 'all-linear', init_lora_weights: false, use_dora: true }],
  ['IA3', ia3, { target_modules: 'all-linear', feedforward_modules: [], init_ia3_weights: false }],
] as const;

describe.each(variants)('checkpoint by layer: $base', (variant) => {
  const weights = baseWeights(variant.base);
  const spec = orThrow(
    specOf(
      { ...baseConfig(variant.base), ...variant.config },
      mapRecord(weights, (W) => W.shape),
    ),
  );

  it('all weights', () => expectSame(lossOf(variant), weights));

  it('a mask, positions and a past', () => {
    const model = modelFor(variant);
    const past = wavePast(model, 3);
    const attentionMask = integers([
      [1, 1, 1, 1],
      [0, 1, 1, 1],
    ]);
    const loss = lossOf(variant, { past, attentionMask, positionIds: [[3, 4, 5, 6]] });
    return expectSame((p, on) => loss(p, on), weights);
  });

  it.each(methods)('%s beside the weights', async (_name, method, fields) => {
    const adapter = orThrow(init(method, fields, { spec, key: key(1), weights }));
    const loss = lossOf(variant);
    await expectSame((p, on) => loss(attach(withTrainable(adapter, p), weights), on), trainable(adapter));
  });
});

it.each(['bert', 't5'])('checkpoint by layer: all weights of %s', (base) => {
  const weights = baseWeights(base);
  const spec = orThrow(
    specOf(
      baseConfig(base),
      mapRecord(weights, (W) => W.shape),
    ),
  );
  const inputIds = integers(rows);
  const decoder = base === 't5' ? { decoderInputIds: integers(rows.toReversed()) } : {};
  return expectSame(
    (p, checkpoint) => tf.mean(tf.square(forward(spec, p, { inputIds, ...decoder, checkpoint }))),
    weights,
  );
});

it('trains a prefix, which is the past of every layer', async () => {
  const weights = baseWeights('llama');
  const spec = orThrow(
    specOf(
      baseConfig('llama'),
      mapRecord(weights, (W) => W.shape),
    ),
  );
  const fields = { task_type: 'CAUSAL_LM', num_virtual_tokens: 3 };
  const adapter = orThrow(init(prefixTuning, fields, { spec, key: key(1), weights }));
  const loss = lossOf({ base: 'llama', config: {} });
  await expectSame((p, on) => loss(attach(withTrainable(adapter, p), weights), on), trainable(adapter));
});

it('gives no cache, and keeps less', () => {
  const model = modelFor({ base: 'llama', config: {} });
  const weights = baseWeights('llama');
  const inputIds = integers(rows);
  const bytes = (checkpoint: boolean): number => {
    let kept = 0;
    const result = valueAndGrad((p) => {
      const before = tf.memory().numDataBuffers;
      const { logits, cache } = model.run(p, { inputIds, checkpoint });
      kept = tf.memory().numDataBuffers - before;
      expect(cache).toHaveLength(checkpoint ? 0 : model.geometry.layers);
      return causalCrossEntropy(logits, inputIds);
    })(weights);
    dispose({ value: result.value, ...result.grads });
    return kept;
  };
  expect(bytes(true)).toBeLessThan(bytes(false) / 2);
});

/** Virtual tokens before the texts of encoders and encoder-decoders, against PEFT. */
import { describe, expect, it } from 'vitest';
import { attach } from '../../src/adapters/apply.js';
import { decodeAdapter } from '../../src/adapters/decode.js';
import { trainable, withTrainable } from '../../src/adapters/leaf.js';
import type { Leaf } from '../../src/adapters/adapter.js';
import type { Routing } from '../../src/adapters/method.js';
import { promptKey } from '../../src/adapters/update.js';
import { E } from '../../src/fp.js';
import { runModel, type ModelInputs } from '../../src/models/any-model.js';
import { specOf } from '../../src/models/spec-of.js';
import { read, scope, tensorOf } from '../../src/ops/backend.js';
import { encodeFloats } from '../../src/ops/dtype.js';
import { mapRecord, sizeOf, type Shape, type Weights } from '../../src/ops/tensor.js';
import { tf } from '../../src/ops/tf.js';
import { valueAndGrad } from '../../src/ops/value-and-grad.js';
import { renderProblems } from '../../src/problem.js';
import { baseConfig, readTensors } from './golden.js';
import { kindInputs, kindOf, kindWeights, type JsonInputs } from './kinds.js';
import { goldenJson, integers, wave } from './language-models.js';

interface Case {
  readonly name: string;
  readonly base: string;
  readonly adapter: Readonly<Record<string, unknown>>;
  readonly waves: Readonly<Record<string, Shape>>;
  readonly inputs: JsonInputs;
  readonly routing: Routing;
  readonly shape: Shape;
  readonly output: ReadonlyArray<number>;
}

const cases = goldenJson<ReadonlyArray<Case>>('prompts.json');

/** The adapter that prompts.py saved: waves, and the base's own head. */
const leafOf = ({ base, adapter, waves }: Case): Leaf => {
  const stored = readTensors(`bases/${base}/model.safetensors`);
  const spec = specOf(
    baseConfig(base),
    mapRecord(stored, ({ shape }) => shape),
  );
  const tensors = new Map(
    Object.entries(waves).map(([name, shape], i) => {
      const values = Float32Array.from({ length: sizeOf(shape) }, (_, at) => 0.5 * Math.fround(Math.sin(i + 1.7 * at)));
      return [name, { dtype: 'F32', shape, bytes: encodeFloats('F32', values) }] as const;
    }),
  );
  const heads = Object.entries(stored).flatMap(([key, { shape, values }]) =>
    key.startsWith('classifier.') && adapter['task_type'] === 'SEQ_CLS'
      ? [[`base_model.${key}`, { dtype: 'F32', shape, bytes: encodeFloats('F32', values as Float32Array) }] as const]
      : [],
  );
  if (E.isLeft(spec)) throw new Error(renderProblems(spec.left));
  const decoded = decodeAdapter({ config: adapter, tensors: new Map([...tensors, ...heads]) }, spec.right);
  if (E.isLeft(decoded)) throw new Error(renderProblems(decoded.left));
  return decoded.right.adapter;
};

describe('prompts of PEFT', () => {
  it.each(cases)('$base: $name', async (c) => {
    const attached = attach(leafOf(c), kindWeights(c), c.routing);
    const y = runModel(kindOf(c), attached, kindInputs(c.inputs));
    expect(y.shape).toEqual(c.shape);
    const few = [...c.shape.slice(0, -1), Math.min(8, c.shape.at(-1)!)];
    const some = tf.slice(
      y,
      few.map(() => 0),
      few,
    );
    expect(await read(some)).toBeAllClose(c.output, { rtol: 1e-5, atol: 1e-5 });
  });

  it.each(cases)('$base: $name, with the slope of the output as gradient', async (c) => {
    const smooth = { ...c, config: { feed_forward_proj: 'gelu' } }; // relu has no slope where it bends
    const [leaf, p, any, inputs] = [leafOf(c), kindWeights(c), kindOf(smooth), kindInputs(c.inputs)];
    const loss = (params: Weights) => {
      const y = runModel(any, attach(withTrainable(leaf, params), p, c.routing), inputs);
      return tf.mean(tf.mul(y, wave(y.shape, 3)));
    };
    const params = trainable(leaf);
    // a cartridge's first row is frozen
    const frozen = (c.adapter['num_frozen_tokens'] as number | undefined) ?? 0;
    const direction = mapRecord(params, (t, name) => {
      const [rows, ...rest] = t.shape as [number, ...number[]];
      const [still, moved] = [tf.zeros([frozen, ...rest]), wave([rows - frozen, ...rest], name.length)];
      return frozen === 0 ? moved : tf.concat([still, moved], 0);
    });
    const along = (h: number) => mapRecord(params, (t, name) => tf.add(t, tf.mul(direction[name]!, h)));
    const h = 2e-3;
    const { grads } = valueAndGrad(loss)(params);
    const terms = Object.entries(grads).map(([name, g]) => tf.sum(tf.mul(g, direction[name]!)));
    const slope = ((await read(loss(along(h))))[0]! - (await read(loss(along(-h))))[0]!) / (2 * h);
    expect(await read(tf.addN(terms))).toBeAllClose([slope], { rtol: 1e-2, atol: 1e-4 });
    expect(Math.abs(slope)).toBeGreaterThan(1e-3);
  });
});

describe('virtual tokens', () => {
  const prompt = cases.find((c) => c.base === 'bert_seqcls' && c.name.startsWith('soft tokens are'))!;

  it('are the same as their embeddings before those of the text', async () => {
    const [leaf, p, any] = [leafOf(prompt), kindWeights(prompt), kindOf(prompt)];
    if (any._tag !== 'Encoder') throw new TypeError('an encoder');
    const [inputIds, soft] = [integers([[31, 52, 45]]), tf.expandDims(leaf.params['prompt_embeddings']!, 0)];
    const joined = tf.concat([soft, any.model.embed(p, inputIds)], 1);
    const tokenTypeIds = integers([[1, 0, 1]]);
    const a = any.model.run(attach(leaf, p), { inputIds, tokenTypeIds });
    const b = any.model.run(p, { inputsEmbeds: joined, tokenTypeIds: integers([[0, 0, 0, 1, 0, 1]]) });
    expect(await read(a)).toBeAllClose(await read(b));
  });

  it('count positions from the first', async () => {
    const [leaf, p, any] = [leafOf(prompt), kindWeights(prompt), kindOf(prompt)];
    const inputIds = integers([[31, 52, 45]]);
    const [a, b] = [
      runModel(any, attach(leaf, p), { inputIds }),
      runModel(any, attach(leaf, p), { inputIds, positionIds: [[0, 1, 2]] }),
    ];
    expect([...(await read(a))]).toEqual([...(await read(b))]);
  });

  it('leave no tensors behind', () => {
    for (const c of cases) {
      const [leaf, p, any, inputs] = [leafOf(c), kindWeights(c), kindOf(c), kindInputs(c.inputs)];
      const before = tf.memory().numTensors;
      scope(() => runModel(any, attach(leaf, p, c.routing), inputs)).dispose();
      expect(tf.memory().numTensors).toBe(before);
    }
  });

  it('are refused by image models', () => {
    const soft = tensorOf(new Float32Array(32), [1, 32]);
    const p = { _tag: 'Attached', weights: {}, updates: { [promptKey]: { _tag: 'Prompt', soft } } } as const;
    const inputs: ModelInputs = { pixelValues: wave([1, 3, 8, 8], 1) };
    expect(() => runModel(kindOf({ base: 'vit' }), p, inputs)).toThrow(/reads no virtual tokens/);
  });
});

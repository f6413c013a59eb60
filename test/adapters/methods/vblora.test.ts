import { describe, expect, it } from 'vitest';
import { decodeAdapter } from '../../../src/adapters/decode.js';
import { vblora } from '../../../src/adapters/methods/vblora.js';
import { E } from '../../../src/fp.js';
import { checkpointOf } from '../../../src/io/checkpoint.js';
import { parsePythonJson } from '../../../src/io/json.js';
import { encodeAdapter, readAll } from '../../../src/io/peft.js';
import { read, tensorOf } from '../../../src/ops/backend.js';
import { adapterOf, convOf, linearOf, mergedBy, modelOf, problemsOf, shapesOf, weightsOf } from './trial.js';

const conv1D = { name: 'g', kind: 'Conv1D' as const, params: { weight: [4, 8], bias: [8] } };
const spec = modelOf(linearOf('a', 6, 10), conv1D, convOf('c', 2, 2, 1));
const on = { target_modules: ['a', 'g'], r: 2, num_vectors: 5, vector_length: 2, fan_in_fan_out: true };

const right = <A>(result: E.Either<unknown, A>): A => {
  if (E.isLeft(result)) throw new Error(JSON.stringify(result.left));
  return result.right;
};

describe('VB-LoRA', () => {
  it.each([
    [{ r: 0 }, 'greater than 0'],
    [{ topk: 0 }, 'greater than 0'],
    [{ topk: 6 }, 'at most num_vectors = 5'],
    [{ vector_length: 4 }, 'a divisor of the 10 features of a'],
    [{ layers_pattern: 'h' }, 'layers_to_transform beside layers_pattern'],
    [{ target_modules: ['c'] }, 'a Linear or Conv1D'],
  ])('refuses %j', (config, why) => expect(problemsOf(vblora, { ...on, ...config }, spec)).toContain(why));

  it('shares one bank', () =>
    expect(shapesOf(adapterOf(vblora, on, spec))).toEqual({
      'base_model.vblora_vector_bank': [5, 2],
      'base_model.model.a.vblora_logits_A': [2, 5, 5],
      'base_model.model.a.vblora_logits_B': [3, 2, 5],
      'base_model.model.g.vblora_logits_A': [2, 2, 5],
      'base_model.model.g.vblora_logits_B': [4, 2, 5],
    }));

  it('mixes the vectors of the largest logits', async () => {
    const model = modelOf(linearOf('x', 1, 2));
    const leaf = adapterOf(vblora, { ...on, target_modules: ['x'], r: 1, num_vectors: 3, vector_length: 1 }, model);
    const set = {
      ...leaf,
      params: {
        'base_model.vblora_vector_bank': tensorOf(Float32Array.of(1, 10, 100), [3, 1]),
        'base_model.model.x.vblora_logits_A': tensorOf(Float32Array.of(0, 5, 0, Math.log(3), -9, 0), [1, 2, 3]),
        'base_model.model.x.vblora_logits_B': tensorOf(Float32Array.of(0, -9, 90), [1, 1, 3]),
      },
    };
    const weights = { 'x.weight': tensorOf(new Float32Array(2), [1, 2]), 'x.bias': tensorOf(new Float32Array(1), [1]) };
    const e5 = Math.exp(5);
    // the second of two equal logits is not among the largest two
    const first = (10 * e5 + 1) / (e5 + 1);
    expect(await read(mergedBy(set, weights)['x.weight']!)).toBeAllClose(
      Float32Array.of(100 * first, 100 * ((3 * 1 + 1 * 100) / 4)),
      { rtol: 1e-5 },
    );
  });

  it.each([
    [1, 5, 'U8'],
    [2, 300, 'I16'],
    [3, 5, 'U8'],
  ] as const)('saves the %d largest of %d logits, which merge the same', async (topk, num_vectors, dtype) => {
    const leaf = adapterOf(vblora, { ...on, topk, num_vectors, save_only_topk_weights: true }, spec);
    const files = right(await encodeAdapter(leaf));
    const tensors = right(await readAll(right(checkpointOf(files.tensors))));
    expect(tensors.get('base_model.model.a.vblora_logits_A_topk_indices')).toMatchObject({
      dtype,
      shape: [2, 5, topk],
    });
    expect(tensors.get('base_model.model.a.vblora_logits_A_topk_weights')?.shape).toEqual([2, 5, topk - 1]);
    const config = right(parsePythonJson(files.config, 'adapter_config.json')).value;
    const { adapter } = right(decodeAdapter({ config, tensors }, spec));
    expect(adapter.trainable).toEqual(['base_model.vblora_vector_bank']);
    const weights = weightsOf(spec);
    for (const name of ['a.weight', 'g.weight'])
      expect(await read(mergedBy(adapter, weights)[name]!)).toBeAllClose(await read(mergedBy(leaf, weights)[name]!), {
        atol: 1e-6,
      });
    expect(right(await encodeAdapter(adapter)).tensors).toEqual(files.tensors);
  });
});

import { describe, expect, it } from 'vitest';
import { decodeAdapter } from '../../../src/adapters/decode.js';
import { unilora } from '../../../src/adapters/methods/unilora.js';
import { E } from '../../../src/fp.js';
import { checkpointOf } from '../../../src/io/checkpoint.js';
import { parsePythonJson } from '../../../src/io/json.js';
import { encodeAdapter, readAll } from '../../../src/io/peft.js';
import type { RawTensor } from '../../../src/io/safetensors/write.js';
import { read } from '../../../src/ops/backend.js';
import { encodeFloats } from '../../../src/ops/dtype.js';
import { renderProblems } from '../../../src/problem.js';
import { adapterOf, convOf, linearOf, mergedBy, modelOf, problemsOf, shapesOf, weightsOf } from './trial.js';

const conv1D = { name: 'g', kind: 'Conv1D' as const, params: { weight: [4, 9], bias: [9] } };
const spec = modelOf(linearOf('a', 6, 10), linearOf('b', 8, 3), conv1D, convOf('c', 2, 2, 1));
const on = { target_modules: ['a', 'b', 'g'], r: 2, theta_d_length: 7, fan_in_fan_out: true };

const right = <A>(result: E.Either<unknown, A>): A => {
  if (E.isLeft(result)) throw new Error(JSON.stringify(result.left));
  return result.right;
};

const saved = adapterOf(unilora, { ...on, save_indices: true }, spec);

describe('Uni-LoRA', () => {
  it.each([
    [{ r: 0 }, 'greater than 0'],
    [{ theta_d_length: 0 }, 'greater than 0'],
    [{ unilora_dropout: 1.5 }, 'a number in [0, 1]'],
    [{ init_theta_d_bound: 0 }, 'a number greater than 0'],
    [{ proj_seed: -1 }, 'an integer of at least 0'],
    [{ bias: 'lora_only' }, '"none", "all", "unilora_only"'],
    [{ target_modules: 'a', layers_to_transform: 1 }, 'no layer selection beside a string'],
    [{ target_modules: ['c'] }, 'a Linear or Conv1D'],
  ])('refuses %j', (config, why) => expect(problemsOf(unilora, { ...on, ...config }, spec)).toContain(why));

  it('trains one vector', () => {
    expect(shapesOf(adapterOf(unilora, on, spec))).toEqual({ 'base_model.unilora_theta_d': [7] });
    expect(saved.trainable).toEqual(['base_model.unilora_theta_d']);
  });

  it('deals its entries out evenly', () => {
    const counts = new Map<number, number>();
    for (const { values } of Object.values(saved.indices))
      for (const i of values) counts.set(i, (counts.get(i) ?? 0) + 1);
    // 2 (16 + 11 + 13) = 80 places for 7 entries
    expect([...counts.values()].toSorted()).toEqual([11, 11, 11, 11, 12, 12, 12]);
  });

  it('merges the same with indices saved and dealt again', async () => {
    const weights = weightsOf(spec);
    const theta = 'base_model.unilora_theta_d';
    const leaf = { ...adapterOf(unilora, on, spec), params: { [theta]: saved.params[theta]! } };
    const dealt = mergedBy(leaf, weights);
    const stored = mergedBy(saved, weights);
    for (const name of ['a.weight', 'b.weight', 'g.weight']) {
      expect(await read(stored[name]!)).toEqual(await read(dealt[name]!));
      expect(await read(stored[name]!)).not.toEqual(await read(weights[name]!));
    }
  });

  it('stores indices as 64-bit integers that may repeat', async () => {
    const files = right(await encodeAdapter(saved));
    const tensors = right(await readAll(right(checkpointOf(files.tensors))));
    expect(tensors.get('base_model.model.a.unilora_indices_A')).toMatchObject({ dtype: 'I64', shape: [2, 10] });
    const config = right(parsePythonJson(files.config, 'adapter_config.json')).value;
    const again = right(decodeAdapter({ config, tensors }, spec)).adapter;
    expect(right(await encodeAdapter(again)).tensors).toEqual(files.tensors);
    const stray = new Map<string, RawTensor>(tensors).set('base_model.model.a.unilora_indices_A', {
      dtype: 'I64',
      shape: [2, 10],
      bytes: encodeFloats('I64', new Float32Array(20).fill(7)),
    });
    const broken = decodeAdapter({ config, tensors: stray }, spec);
    expect(E.isLeft(broken) ? renderProblems(broken.left) : '').toContain('places inside of [7]');
  });
});

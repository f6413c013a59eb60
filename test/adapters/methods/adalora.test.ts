import { describe, expect, it } from 'vitest';
import { decodeAdapter } from '../../../src/adapters/decode.js';
import { adalora, orthogonality } from '../../../src/adapters/methods/adalora.js';
import { E } from '../../../src/fp.js';
import { checkpointOf } from '../../../src/io/checkpoint.js';
import { parsePythonJson } from '../../../src/io/json.js';
import { encodeAdapter, readAll } from '../../../src/io/peft.js';
import { read, tensorOf } from '../../../src/ops/backend.js';
import { adapterOf, convOf, linearOf, mergedBy, modelOf, problemsOf, shapesOf, weightsOf } from './trial.js';

const spec = modelOf(linearOf('a', 6, 10), linearOf('b', 4, 6), convOf('c', 2, 3, 2));
const on = { target_modules: ['a', 'b'], init_r: 3, total_step: 10 };

const right = <A>(result: E.Either<unknown, A>): A => {
  if (E.isLeft(result)) throw new Error(JSON.stringify(result.left));
  return result.right;
};

describe('AdaLoRA', () => {
  it.each([
    [{ total_step: null }, 'the number of training steps'],
    [{ total_step: 0 }, 'greater than 0'],
    [{ tinit: 6, tfinal: 4 }, 'fewer than total_step - tfinal = 6'],
    [{ use_dora: true }, 'false with AdaLoRA'],
    [{ loftq_config: { loftq_bits: 4 } }, 'loftq_config'],
    [{ target_parameters: ['x'] }, 'target_parameters'],
    [{ orth_reg_weight: -1 }, 'orth_reg_weight'],
    [{ beta1: 1 }, 'beta1'],
    [{ init_r: 0 }, 'init_r'],
    [{ rank_pattern: { 'a.lora_E': [true] } }, '3 entries (init_r) for a'],
    [{ layers_pattern: 'h' }, 'layers_to_transform beside layers_pattern'],
    [{ layer_replication: [[0, 1]] }, 'layer_replication'],
  ])('refuses %j', (config, why) => expect(problemsOf(adalora, { ...on, ...config }, spec)).toContain(why));

  it('refuses modules that it does not know', () =>
    expect(
      problemsOf(
        adalora,
        { ...on, target_modules: ['e'] },
        modelOf({ name: 'e', kind: 'Embedding', params: { weight: [4, 2] } }),
      ),
    ).toContain('a Linear, Conv1D or Conv2d'));

  it('takes convolutions as matrices', () =>
    expect(shapesOf(adapterOf(adalora, { ...on, target_modules: ['c'] }, spec))).toMatchObject({
      'base_model.model.c.lora_A': [3, 12],
      'base_model.model.c.lora_B': [2, 3],
    }));

  it('writes the triplets that stay, and reads them to the same weights', async () => {
    const pattern = { 'a.lora_E': [true, false, true], 'b.lora_E': [false, false, false] };
    const leaf = adapterOf(adalora, { ...on, init_lora_weights: false }, spec);
    // as allocation leaves it: E is 0 where a triplet is cut
    const masked = { ...leaf.params, 'base_model.model.a.lora_E': tensorOf(Float32Array.of(2, 0, -1), [3, 1]) };
    const cut = {
      ...leaf,
      config: { ...leaf.config, rank_pattern: pattern } as typeof leaf.config,
      params: { ...masked, 'base_model.model.b.lora_E': tensorOf(new Float32Array(3), [3, 1]) },
    };
    const files = right(await encodeAdapter(cut));
    const tensors = right(await readAll(right(checkpointOf(files.tensors))));
    expect(tensors.get('base_model.model.a.lora_B')?.shape).toEqual([6, 2]);
    expect(tensors.get('base_model.model.b.lora_A')?.shape).toEqual([0, 6]);
    const config = right(parsePythonJson(files.config, 'adapter_config.json')).value;
    const { adapter } = right(decodeAdapter({ config, tensors }, spec));
    const weights = weightsOf(spec);
    for (const key of ['a.weight', 'b.weight']) {
      const [before, after] = [mergedBy(cut, weights)[key]!, mergedBy(adapter, weights)[key]!];
      expect(await read(after)).toBeAllClose(await read(before), { atol: 1e-6 });
    }
    expect(right(await encodeAdapter(adapter)).tensors).toEqual(files.tensors);
  });

  it('penalises A and B that are not orthogonal', async () => {
    const value = async (A: ReadonlyArray<number>): Promise<number> =>
      (await read(orthogonality({ 'x.lora_A': tensorOf(Float32Array.from(A), [2, 2]) })))[0]!;
    expect(await value([1, 0, 0, 1])).toBe(0);
    expect(await value([2, 0, 0, 1])).toBeCloseTo(3, 5);
    expect((await read(orthogonality({})))[0]).toBe(0);
  });
});

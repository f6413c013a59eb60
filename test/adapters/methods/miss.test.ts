import { describe, expect, it } from 'vitest';
import { decodeAdapter } from '../../../src/adapters/decode.js';
import { bone, miss } from '../../../src/adapters/methods/miss.js';
import { updateAt } from '../../../src/adapters/compile.js';
import type { WeightUpdate } from '../../../src/adapters/update.js';
import { applyUpdate } from '../../../src/adapters/updates/apply.js';
import { E } from '../../../src/fp.js';
import { encodeAdapter } from '../../../src/io/peft.js';
import { read } from '../../../src/ops/backend.js';
import { encodeFloats } from '../../../src/ops/dtype.js';
import { key, normalValues } from '../../../src/ops/random.js';
import { tf } from '../../../src/ops/tf.js';
import { adapterOf, linearOf, mergedBy, modelOf, problemsOf, shapesOf, weightsOf } from './trial.js';

const spec = modelOf(linearOf('a', 6, 10));
const on = { target_modules: ['a'], r: 2 };

const decoded = (type: string, tensor: string, shape: ReadonlyArray<number>, init_weights: unknown) => {
  const values = normalValues(
    key(5),
    shape.reduce((n, d) => n * d, 1),
  );
  const raw = { dtype: 'F32' as const, shape, bytes: encodeFloats('F32', values) };
  const tensors = new Map([[`base_model.model.a.${tensor}`, raw]]);
  const result = decodeAdapter({ config: { peft_type: type, ...on, init_weights }, tensors }, spec);
  if (E.isLeft(result)) throw new Error(JSON.stringify(result.left));
  return { leaf: result.right.adapter, values };
};

describe('MiSS', () => {
  it.each([
    [{ r: 0 }, 'greater than 0'],
    [{ init_weights: 'cat' }, '"bat" or "mini"'],
    [{ init_weights: 'bat', r: 3 }, 'a divisor of the 10 features of a'],
    [{ init_weights: 'bat', r: 5 }, 'a divisor of the 6 features of a'],
    [{ init_weights: 'mini', mini_r: 4 }, 'a divisor of the 6 features of a'],
    [{ mini_r: 0 }, 'greater than 0'],
    [{ target_modules: 'a', layers_pattern: 'h' }, 'no layer selection beside a string'],
  ])('refuses %j', (config, why) => expect(problemsOf(miss, { ...on, ...config }, spec)).toContain(why));

  it('has a tensor for each mode, also where shards leave a rest', () => {
    const shape = (config: object) =>
      shapesOf(adapterOf(miss, { ...on, ...config }, spec))['base_model.model.a.miss_block'];
    expect(shape({ r: 64 })).toEqual([64, 6]);
    expect(shape({ r: 4 })).toEqual([4, 6]);
    expect(shape({ init_weights: 'bat' })).toEqual([3, 2, 2]);
    expect(shape({ init_weights: 'mini', mini_r: 3 })).toEqual([2, 3]);
  });

  it.each([{ r: 4 }, { r: 5 }, { r: 5, init_weights: 'mini', mini_r: 3 }])(
    'changes the same beside a weight as in it, with %j',
    async (config) => {
      const leaf = adapterOf(miss, { ...on, init_weights: false, ...config }, spec);
      const W = tf.zeros([6, 10]);
      const merged = await Promise.all(
        (['stored', 'attached'] as const).map((reading) =>
          read(applyUpdate(updateAt(leaf, 'a.weight', reading) as WeightUpdate, W)),
        ),
      );
      expect(merged[0]).toEqual(merged[1]);
    },
  );

  it.each([
    ['shards', true, [2, 6]],
    ['blocks', 'bat', [3, 2, 2]],
  ] as const)('loads Bone by %s as itself, and writes it as it was', async (_, init_weights, shape) => {
    const weights = weightsOf(spec);
    const old = decoded('BONE', 'bone_block', shape, init_weights);
    const now = decoded('MISS', 'miss_block', shape, init_weights);
    const merged = await read(mergedBy(old.leaf, weights)['a.weight']!);
    expect(merged).toEqual(await read(mergedBy(now.leaf, weights)['a.weight']!));
    const W = await read(weights['a.weight']!);
    const [o, i] = [3, 7];
    const B = (m: number, p: number, q: number): number => old.values[(m * 2 + p) * 2 + q]!;
    const expected =
      init_weights === true
        ? W[o * 10 + i]! + old.values[(i % 2) * 6 + o]!
        : W[37]! + W[36]! * B(1, 0, 1) + W[37]! * B(1, 1, 1) + B(1, 1, 1);
    expect(merged[o * 10 + i]).toBeCloseTo(expected, 5);
    const files = await encodeAdapter(old.leaf);
    expect(E.isRight(files) && files.right.config).toContain('"peft_type": "BONE"');
    expect(problemsOf(bone, { ...on, init_weights: 'mini' }, spec)).toContain('true, false or "bat"');
  });
});

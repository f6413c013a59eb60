import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readCase } from '../../../parity/case.js';
import { decodeAdapter } from '../../../src/adapters/decode.js';
import { init } from '../../../src/adapters/init.js';
import { shira } from '../../../src/adapters/methods/shira.js';
import { E } from '../../../src/fp.js';
import type { RawTensor } from '../../../src/io/safetensors/write.js';
import { encodeFloats } from '../../../src/ops/dtype.js';
import { key } from '../../../src/ops/random.js';
import { renderProblems } from '../../../src/problem.js';
import { linearOf, modelOf, problemsOf } from './trial.js';

const spec = modelOf(linearOf('a', 4, 5));
const on = { target_modules: ['a'], r: 1 };

const indices = (values: ReadonlyArray<number>, dtype: RawTensor['dtype'] = 'I32'): RawTensor => ({
  dtype,
  shape: [2, 9],
  bytes:
    dtype === 'I32' ? new Uint8Array(Int32Array.from(values).buffer) : encodeFloats(dtype, Float32Array.from(values)),
});

const places = [0, 0, 0, 1, 1, 2, 2, 3, 3, 0, 2, 4, 1, 3, 0, 4, 2, 3];

const decode = (stored: RawTensor) =>
  decodeAdapter(
    {
      config: { peft_type: 'SHIRA', ...on },
      tensors: new Map([
        ['base_model.model.a.shira_indices', stored],
        ['base_model.model.a.shira_weight', { dtype: 'F32', shape: [9], bytes: new Uint8Array(36) }],
      ]),
    },
    spec,
  );

const why = (stored: RawTensor): string => {
  const decoded = decode(stored);
  return E.isLeft(decoded) ? renderProblems(decoded.left) : '';
};

describe('SHiRA', () => {
  it.each([
    [{ r: 0 }, 'greater than 0'],
    [{ r: 3 }, 'at most the 20 entries of a'],
    [{ mask_type: 'magnitude' }, '"random" for a new adapter'],
    [{ random_seed: 1.5 }, 'random_seed'],
  ])('refuses %j', (config, found) => expect(problemsOf(shira, { ...on, ...config }, spec)).toContain(found));

  it('acts on linear layers alone', () =>
    expect(problemsOf(shira, on, modelOf({ name: 'a', kind: 'Conv1D', params: { weight: [4, 4] } }))).toContain(
      'a Linear',
    ));

  it('draws the places that PEFT draws', async () => {
    const folder = fileURLToPath(new URL('../../golden/cases/toy/178-shira-MLP', import.meta.url));
    const { files, spec: model } = await readCase(folder);
    const decoded = decodeAdapter(files, model);
    const made = init(shira, files.config as Readonly<Record<string, unknown>>, { spec: model, key: key(0) });
    if (E.isLeft(decoded) || E.isLeft(made)) throw new Error('the case does not load');
    expect(Object.keys(made.right.indices)).toHaveLength(2);
    expect(made.right.indices).toEqual(decoded.right.adapter.indices);
  });

  it('reads places as integers, and as the floats that PEFT writes on Windows', () => {
    for (const dtype of ['I32', 'I64', 'F32'] as const) {
      const decoded = decode(indices(places, dtype));
      expect(E.isRight(decoded) && [...Object.values(decoded.right.adapter.indices)[0]!.values]).toEqual(places);
    }
  });

  it('refuses places outside of the weight, places that come twice and numbers that are none', () => {
    const at = (i: number, value: number) => places.map((p, j) => (i === j ? value : p));
    expect(why(indices(at(8, 4)))).toContain('places inside of [4, 5], found 4 at element 8');
    expect(why(indices(at(9, -1)))).toContain('found -1 at element 9');
    expect(why(indices(at(10, 0)))).toContain('a place that comes twice');
    expect(why(indices(at(0, 0.5), 'F32'))).toContain('expected integers');
    expect(why(indices(at(0, NaN), 'F32'))).toContain('expected integers');
    expect(why({ ...indices(places), shape: [9, 2] })).toContain('[2, 9]');
  });
});

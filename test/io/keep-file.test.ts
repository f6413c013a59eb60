/** Adapters whose parameters stay in their file until they are used. */
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { apply } from '../../src/adapters/apply.js';
import { mergeable } from '../../src/adapters/combine.js';
import { openModel, readWeights } from '../../src/io/model.js';
import { loadAdapter } from '../../src/io/peft.js';
import { dispose, numTensors, read, readInto, scope, tensorFrom, tensorOf } from '../../src/ops/backend.js';
import { tf } from '../../src/ops/tf.js';
import { editedAdapter, golden, llama, withValues } from '../cli/fixtures.js';
import { temporaryFolder } from './folder.js';
import { problemsOf, valueOf } from './result.js';

const spec = async () => {
  const model = valueOf(await openModel(llama.base));
  await model.checkpoint.close();
  return model.spec;
};

it.each(['lm/llama-lora-default', 'lm/llama-lora-dora', 'half/bf16-llama-lora'])(
  'gives the parameters of %s that memory gives',
  async (path) => {
    const tree = await spec();
    const before = numTensors();
    const kept = valueOf(await loadAdapter(golden(path), tree, { keep: 'file' })).adapter;
    const whole = valueOf(await loadAdapter(golden(path), tree)).adapter;
    expect(Object.keys(kept.params)).toEqual(Object.keys(whole.params));
    // all before any is looked at: values must not share memory
    const values = await Promise.all(Object.values(kept.params).map(read));
    for (const [i, tensor] of Object.values(whole.params).entries()) expect(values[i]).toEqual(await read(tensor));
    dispose(kept.params);
    dispose(whole.params);
    expect(numTensors()).toBe(before);
  },
);

it('computes with them', async () => {
  const model = valueOf(await openModel(llama.base));
  const weights = valueOf(await readWeights(model));
  const [kept, whole] = [
    valueOf(await loadAdapter(golden('lm/llama-lora-dora'), model.spec, { keep: 'file' })).adapter,
    valueOf(await loadAdapter(golden('lm/llama-lora-dora'), model.spec)).adapter,
  ];
  const before = numTensors();
  const [a, b] = [apply(valueOf(mergeable(kept)), weights), apply(valueOf(mergeable(whole)), weights)];
  for (const [key, tensor] of Object.entries(a)) expect(await read(tensor)).toEqual(await read(b[key]!));
  dispose(a, { keep: weights });
  dispose(b, { keep: weights });
  expect(numTensors()).toBe(before);
  [weights, kept.params, whole.params].forEach((w) => dispose(w));
  await model.checkpoint.close();
});

it('reads them from the file at the time', async () => {
  const folder = join(temporaryFolder(), 'adapter');
  cpSync(llama.adapter, folder, { recursive: true });
  const { adapter } = valueOf(await loadAdapter(folder, await spec(), { keep: 'file' }));
  writeFileSync(join(folder, 'adapter_model.safetensors'), '');
  const [first] = Object.values(adapter.params);
  await expect(read(first!)).rejects.toThrow('the file became shorter while it was read');
  dispose(adapter.params);
});

it('checks their values when it loads them', async () => {
  const folder = editedAdapter(llama.adapter, join(temporaryFolder(), 'adapter'), {
    tensors: (t) =>
      [...t].forEach(([name, x]) =>
        t.set(
          name,
          withValues(x, (v, i) => (i === 3 ? NaN : v)),
        ),
      ),
  });
  const problems = problemsOf(await loadAdapter(folder, await spec(), { keep: 'file' }));
  expect(problems.length).toBeGreaterThan(1);
  for (const line of problems) expect(line).toContain('expected finite numbers, found NaN at element 3');
});

it('asks for values once for all that is computed, and frees them', async () => {
  const before = numTensors();
  let asked = 0;
  const t = tensorFrom(() => (asked++, Float32Array.of(1, 2, 3, 4)), [2, 2]);
  expect(asked).toBe(0);
  const sum = scope(() => tf.add(tf.transpose(t), tf.reshape(t, [2, 2])));
  expect([...(await read(sum))]).toEqual([2, 5, 5, 8]);
  expect([...(await read(t))]).toEqual([1, 2, 3, 4]);
  expect(asked).toBe(1);
  dispose({ t, sum });
  expect(numTensors()).toBe(before);
});

it('puts values where they are wanted, from a file or from anywhere', async () => {
  const places: (Float32Array | undefined)[] = [];
  const values = (place: Float32Array = new Float32Array(4)) => (places.push(place), place.set([1, 2, 3, 4]), place);
  const t = tensorFrom(values, [2, 2]);
  const twice = scope(() => tf.add(t, t));
  const other = tensorOf(Float32Array.of(5, 6), [2]);
  const place = new Float32Array(new SharedArrayBuffer(32), 8, 4);
  places.length = 0;
  await readInto(twice, place);
  expect([...place]).toEqual([2, 4, 6, 8]);
  const fresh = tensorFrom(values, [2, 2]);
  await readInto(fresh, place);
  expect([...place]).toEqual([1, 2, 3, 4]);
  expect(places).toEqual([place]);
  await readInto(other, place.subarray(1, 3));
  expect([...new Float32Array(place.buffer)]).toEqual([0, 0, 1, 5, 6, 4, 0, 0]);
  dispose({ t, twice, other, fresh });
});

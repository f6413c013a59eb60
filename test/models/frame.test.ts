import { describe, expect, it } from 'vitest';
import { frameOf } from '../../src/models/frame.js';
import type { Inputs } from '../../src/models/model.js';
import { tf } from '../../src/ops/tf.js';
import { baseWeights } from './golden.js';
import { integers, modelFor, wave, wavePast } from './language-models.js';

const model = modelFor({ base: 'gpt2', config: {} });
const frame = (inputs: Inputs) => frameOf(model.geometry, inputs);
const two = integers([[1, 2]]);

describe('frameOf', () => {
  it('lets positions go on behind the past', () => {
    expect(frame({ inputIds: two }).positions).toEqual([[0, 1]]);
    expect(frame({ inputIds: two, past: wavePast(model, 3) }).positions).toEqual([[3, 4]]);
    expect(frame({ inputIds: two, past: wavePast(model, 3), positionIds: [[7, 8]] }).positions).toEqual([[7, 8]]);
  });

  it('has no mask for one token that sees everything', () => {
    const one = { inputIds: integers([[1]]), past: wavePast(model, 3) };
    expect(frame(one).mask()).toBeUndefined();
    expect(frame(one).mask(4)).toBeUndefined();
    expect(frame(one).mask(3)?.shape).toEqual([1, 1, 1, 4]);
    expect(frame({ ...one, attentionMask: integers([[0]]) }).mask()?.shape).toEqual([1, 1, 1, 4]);
    expect(frame({ inputIds: two }).mask()?.shape).toEqual([1, 1, 2, 2]);
  });

  it('shows all of the past to a mask of the new tokens', async () => {
    const past = wavePast(model, 2);
    expect(frame({ inputIds: two, past }).tokens).toBeUndefined();
    const tokens = frame({ inputIds: two, past, attentionMask: integers([[0, 1]]) }).tokens;
    expect(tokens?.shape).toEqual([1, 4]);
    expect([...(await tokens!.data())]).toEqual([1, 1, 0, 1]);
  });

  it('refuses a past of another model', () => {
    const past = wavePast(model, 2);
    const at = (p: Inputs['past']) => () => frame({ inputIds: two, past: p });
    expect(at(past.slice(1))).toThrow('past: expected 2 layers, found 1');
    expect(at(wavePast(modelFor({ base: 'llama', config: {} }), 2))).toThrow(
      'past.0.k: expected [1, 4, 2, 8], found [1, 2, 2, 8]',
    );
    expect(at(past.map(({ k }, i) => ({ k, v: i === 0 ? k : wave([1, 4, 3, 8], 1) })))).toThrow(/past\.1\.v/);
    expect(at(past.map(({ k, v }) => ({ k: tf.concat([k, k, k]), v })))).toThrow(/found \[3, 4, 2, 8\]/);
  });

  it('refuses masks and positions of other sizes, and positions that the model has not learned', () => {
    const past = wavePast(model, 2);
    expect(() => frame({ inputIds: two, past, attentionMask: integers([[1, 1, 1]]) })).toThrow(
      'attentionMask: expected [1, 2] or [1, 4], found [1, 3]',
    );
    expect(() => frame({ inputIds: two, past, positionIds: [[0, 1, 2, 3]] })).toThrow(/positionIds/);
    expect(() => frame({ inputIds: two, past: wavePast(model, 63) })).toThrow(/below 64/);
    expect(() => frame({ inputsEmbeds: two })).toThrow('inputsEmbeds: expected [B, T, D], found 2 axes');
  });

  it('is what the models check their inputs with', () => {
    const llama = modelFor({ base: 'llama', config: {} });
    expect(() => llama.run(baseWeights('llama'), { inputIds: two, past: wavePast(model, 2) })).toThrow(/past\.0\.k/);
  });
});

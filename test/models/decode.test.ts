import { describe, expect, it } from 'vitest';
import { cacheLength } from '../../src/models/cache.js';
import { disposeDecoding, prefill, step } from '../../src/models/decode.js';
import type { LanguageModel } from '../../src/models/model.js';
import { numTensors, read, scope } from '../../src/ops/backend.js';
import { baseWeights } from './golden.js';
import { integers, logitsOf, modelFor, variants, wavePast } from './language-models.js';

const V = 96;
const close = { rtol: 2e-5, atol: 2e-5 };

describe.each(variants)('$base', (variant) => {
  const model = modelFor(variant);
  const p = baseWeights(variant.base);

  /** Logits of the last token of a text that is read at once. */
  const after = async (ids: ReadonlyArray<number>) =>
    (await logitsOf(model, p, () => ({ inputIds: integers([ids]), logitsToKeep: 1 }))) as Float32Array;

  it('prefill and step give the logits of each whole text, whatever the others are', async () => {
    const prompts = [[31, 52, 45, 53], [7], [90, 3]];
    const more = [
      [1, 2, 3],
      [4, 5, 6],
    ];
    let state = prefill(model, p, prompts, { padTokenId: 9 });
    expect(state).toMatchObject({ past: 0, padding: [0, 3, 2] });
    for (const [n, tokens] of [[], ...more].entries()) {
      if (n > 0) state = step(model, p, tokens, state);
      expect(state.logits.shape).toEqual([3, V]);
      expect(cacheLength(state.cache)).toBe(4 + n);
      const texts = prompts.map((ids, i) => [...ids, ...more.slice(0, n).map((row) => row[i] as number)]);
      const wanted = await Promise.all(texts.map(after));
      expect(await read(state.logits)).toBeAllClose(
        wanted.flatMap((x) => [...x]),
        close,
      );
    }
  });

  it('knows virtual tokens that a model puts before the prompts itself', async () => {
    const past = wavePast(model, 3);
    const virtual: LanguageModel = {
      ...model,
      run: (w, inputs) =>
        inputs.past !== undefined
          ? model.run(w, inputs)
          : model.run(w, { ...inputs, past, positionIds: inputs.positionIds?.map((row) => row.map((i) => i + 3)) }),
    };
    const prompts = [[31, 52, 45, 53], [7]];
    const [own, given] = [prefill(virtual, p, prompts), prefill(model, p, prompts, { past })];
    expect(own).toMatchObject({ past: 3, padding: [0, 3] });
    expect(await read(own.logits)).toBeAllClose(await read(given.logits), close);
    const [next, wanted] = [step(virtual, p, [1, 2], own), step(model, p, [1, 2], given)];
    expect(await read(next.logits)).toBeAllClose(await read(wanted.logits), close);
  });

  it('step leaves the state that it starts from', async () => {
    const from = prefill(model, p, [[31, 52], [7]]);
    const first = await read(step(model, p, [1, 2], from).logits);
    const again = await read(step(model, p, [1, 2], from).logits);
    expect([...again]).toEqual([...first]);
  });

  it('disposeDecoding frees a state and not the past before it', () => {
    const past = wavePast(model, 2);
    const before = numTensors();
    disposeDecoding(scope(() => prefill(model, p, [[1, 2]], { past })));
    expect(numTensors()).toBe(before);
  });
});

/** Encoder-decoders that read once and then generate. */
import { describe, expect, it } from 'vitest';
import { attach } from '../../src/adapters/apply.js';
import { E } from '../../src/fp.js';
import { disposeCache } from '../../src/models/cache.js';
import { beginOf, type Begin } from '../../src/models/continuation.js';
import type { EncoderDecoderModel } from '../../src/models/encoder-decoder.js';
import { generate } from '../../src/models/generate.js';
import { numTensors, read, scope } from '../../src/ops/backend.js';
import { tf } from '../../src/ops/tf.js';
import { identity } from '../../src/adapters/combine.js';
import { renderProblems } from '../../src/problem.js';
import { kindOf, kindWeights, type Kind } from './kinds.js';
import { goldenJson, integers, wave } from './language-models.js';

interface Case extends Kind {
  readonly prompts: ReadonlyArray<ReadonlyArray<number>>;
  readonly tokens: ReadonlyArray<ReadonlyArray<number>>;
}

const cases = goldenJson<ReadonlyArray<Case>>('seq2seq.json');

const modelOf = (kind: Kind): EncoderDecoderModel => {
  const any = kindOf(kind);
  if (any._tag !== 'EncoderDecoder') throw new TypeError('an encoder-decoder');
  return any.model;
};

/** Texts of different lengths, padded on the right. */
const padded = (texts: Case['prompts']) => {
  const longest = Math.max(...texts.map((t) => t.length));
  const fill = (of: (t: ReadonlyArray<number>) => ReadonlyArray<number>) =>
    integers(texts.map((t) => [...of(t), ...Array<number>(longest - t.length).fill(0)]));
  return { inputIds: fill((t) => t), attentionMask: fill((t) => t.map(() => 1)) };
};

const begin = (kind: Kind): Begin => {
  const found = beginOf(kindOf(kind));
  if (E.isLeft(found)) throw new Error(renderProblems(found.left));
  return found.right;
};

describe('the decoder after a text', () => {
  it.each(cases)('$config generates what transformers does', async (c) => {
    const p = attach(identity, kindWeights(c));
    const before = numTensors();
    const { model, prompts, dispose } = begin(c)(p, c.prompts);
    const result = await generate(model, p, prompts, { maxNewTokens: c.tokens[0]!.length });
    dispose();
    if (E.isLeft(result)) throw new Error(renderProblems(result.left));
    expect(result.right).toEqual(c.tokens);
    expect(numTensors()).toBe(before);
  });

  it.each(cases)('$config generates the same for a text alone', async (c) => {
    const p = kindWeights(c);
    for (const [i, text] of c.prompts.entries()) {
      const { model, prompts, dispose } = begin(c)(p, [text]);
      const result = await generate(model, p, prompts, { maxNewTokens: 8 });
      dispose();
      expect(result).toEqual(E.right([c.tokens[i]!.slice(0, 8)]));
    }
  });

  it.each(cases)('$config gives each token the logits of the whole text, with a cache', async (c) => {
    const [model, p] = [modelOf(c), kindWeights(c)];
    const decoder = model.decoder(model.encode(p, padded(c.prompts)));
    const rows = [
      [0, 5, 9, 4],
      [0, 44, 2, 4],
      [0, 1, 1, 7],
    ];
    const whole = await read(decoder.run(p, { inputIds: integers(rows) }).logits);
    const first = decoder.run(p, { inputIds: integers(rows.map((row) => row.slice(0, 2))) });
    const second = decoder.run(p, { inputIds: integers(rows.map((row) => row.slice(2, 3))), past: first.cache });
    const third = decoder.run(p, { inputIds: integers(rows.map((row) => row.slice(3))), past: second.cache });
    const parts = tf.concat([first.logits, second.logits, third.logits], 1);
    expect(await read(parts)).toBeAllClose(whole, { rtol: 1e-5, atol: 1e-5 });
    const last = decoder.run(p, { inputIds: integers(rows), logitsToKeep: 1 }).logits;
    expect(await read(last)).toBeAllClose(await read(third.logits), { rtol: 1e-5, atol: 1e-5 });
  });

  it('is causal, and reads the text', async () => {
    const [model, p] = [modelOf({ base: 't5' }), kindWeights({ base: 't5' })];
    const logits = (text: ReadonlyArray<number>, ids: ReadonlyArray<number>) =>
      read(model.decoder(model.encode(p, { inputIds: integers([text]) })).run(p, { inputIds: integers([ids]) }).logits);
    const a = await logits([5, 6, 7], [0, 8, 9]);
    const b = await logits([5, 6, 7], [0, 8, 10]);
    expect(a.slice(0, 2 * 96)).toEqual(b.slice(0, 2 * 96));
    expect(a).not.toBeAllClose(await logits([5, 77, 7], [0, 8, 9]), { atol: 1e-2 });
  });

  it('refuses a past of other sizes, and batches of other texts', () => {
    const [model, p] = [modelOf({ base: 't5' }), kindWeights({ base: 't5' })];
    const decoder = model.decoder(model.encode(p, { inputIds: integers([[5, 6]]) }));
    const past = [0, 1].map((seed) => ({ k: wave([1, 4, 2, 6], seed), v: wave([1, 4, 2, 6], seed) }));
    expect(() => decoder.run(p, { inputIds: integers([[1]]), past })).toThrow(
      'past.0.k: expected [1, 4, 2, 8], found [1, 4, 2, 6]',
    );
    expect(() => decoder.run(p, { inputIds: integers([[1], [2]]) })).toThrow(/expected 1 sequences/);
  });

  it('is begun by models that generate, with a start token', () => {
    const problemsOf = (kind: Kind) => {
      const found = beginOf(kindOf(kind));
      return E.isLeft(found) ? found.left : [];
    };
    expect(problemsOf({ base: 'bert' })).toMatchObject([{ found: 'an encoder' }]);
    expect(problemsOf({ base: 'vit' })).toMatchObject([{ found: 'an image model' }]);
    expect(problemsOf({ base: 't5', config: { decoder_start_token_id: null } })).toMatchObject([
      { at: 'config.json: decoder_start_token_id' },
    ]);
  });

  it('holds what it read, and no more', () => {
    const [model, p] = [modelOf({ base: 't5' }), kindWeights({ base: 't5' })];
    const inputIds = integers([[5, 6]]);
    const before = numTensors();
    const encoded = scope(() => model.encode(p, { inputIds }));
    expect(numTensors()).toBe(before + 4); // keys and values of two layers
    disposeCache(encoded.cross);
    expect(numTensors()).toBe(before);
  });
});

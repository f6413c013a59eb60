/** Runs in parts are the same as one run: the laws of the cache. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cacheLength, disposeCache, extend, type Cache } from '../../src/models/cache.js';
import { numTensors, read, scope, tensorOf } from '../../src/ops/backend.js';
import type { Tensor } from '../../src/ops/tensor.js';
import { recordOf } from '../../src/ops/tensor.js';
import { tf } from '../../src/ops/tf.js';
import { valueAndGrad } from '../../src/ops/value-and-grad.js';
import { baseWeights } from './golden.js';
import { goldenJson, integers, logitsOf, modelFor, variants, wave, wavePast, type Variant } from './language-models.js';

const V = 96;
const close = { rtol: 2e-5, atol: 2e-5 };

/** One or two sequences of equal length, with cuts between their parts. */
const cutSequences = fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 2, max: 8 })).chain(([B, T]) =>
  fc.record({
    ids: fc.array(fc.array(fc.nat(V - 1), { minLength: T, maxLength: T }), { minLength: B, maxLength: B }),
    cuts: fc
      .uniqueArray(fc.integer({ min: 1, max: T - 1 }), { minLength: 1 })
      .map((xs) => xs.toSorted((a, b) => a - b)),
  }),
);

describe.each(variants)('$base', (variant) => {
  const model = modelFor(variant);
  const p = baseWeights(variant.base);

  it('gives cached the logits that it gives uncached, however the text is cut', async () => {
    await fc.assert(
      fc.asyncProperty(cutSequences, async ({ ids, cuts }) => {
        const T = ids[0]?.length as number;
        const bounds = [0, ...cuts, T];
        const [parts, whole] = scope(() => {
          let past: Cache | undefined;
          const logits = bounds.slice(1).map((end, i) => {
            const run = model.run(p, { inputIds: integers(ids.map((row) => row.slice(bounds[i], end))), past });
            past = run.cache;
            return run.logits;
          });
          expect(cacheLength(past)).toBe(T);
          return [tf.concat(logits, 1), model.run(p, { inputIds: integers(ids) }).logits];
        });
        expect(await read(parts as Tensor)).toBeAllClose(await read(whole as Tensor), close);
      }),
      { numRuns: 12 },
    );
  });

  it('gives the same logits at every step of one token', async () => {
    const ids = [5, 9, 40, 7, 7, 1, 88];
    const whole = await logitsOf(model, p, () => ({ inputIds: integers([ids]) }));
    let past: Cache | undefined;
    for (const [i, id] of ids.entries()) {
      const { logits, cache } = model.run(p, { inputIds: integers([[id]]), past });
      expect(await read(logits)).toBeAllClose(whole.slice(i * V, (i + 1) * V), close);
      past = cache;
    }
  });

  it('leaves the past as it is, and gives back one that starts with it', async () => {
    const past = wavePast(model, 2);
    const before = await Promise.all(past.flatMap(({ k, v }) => [read(k), read(v)]));
    const { cache } = model.run(p, { inputIds: integers([[3, 4]]), past });
    const after = await Promise.all(past.flatMap(({ k, v }) => [read(k), read(v)]));
    expect(after).toEqual(before);
    const heads = cache.flatMap(({ k, v }) => [k, v]).map((t) => tf.slice(t, [0, 0, 0, 0], [-1, -1, 2, -1]));
    expect(await Promise.all(heads.map(read))).toEqual(before);
  });

  it('sees through right padding, and through left padding with positions, what it sees without', async () => {
    const ids = [31, 52, 45];
    const past = wavePast(model, 2);
    const wanted = await logitsOf(model, p, () => ({ inputIds: integers([ids]), past }));
    const right = await logitsOf(model, p, () => ({
      inputIds: integers([[...ids, 9, 9]]),
      attentionMask: integers([[1, 1, 1, 0, 0]]),
      past,
    }));
    expect(right.slice(0, 3 * V)).toBeAllClose(wanted, close);
    if ('sliding_window' in variant.config) return; // padding between past and text widens the distance that a window counts
    const left = await logitsOf(model, p, () => ({
      inputIds: integers([[9, 9, ...ids]]),
      attentionMask: integers([[1, 1, 0, 0, 1, 1, 1]]),
      positionIds: [[0, 0, 2, 3, 4]],
      past,
    }));
    expect(left.slice(2 * V)).toBeAllClose(wanted, close);
  });

  it('takes a mask of the new tokens alone as one that shows all of the past', async () => {
    const past = wavePast(model, 2);
    const inputs = { inputIds: integers([[9, 31, 52]]), positionIds: [[0, 2, 3]], past };
    const short = await logitsOf(model, p, () => ({ ...inputs, attentionMask: integers([[0, 1, 1]]) }));
    const full = await logitsOf(model, p, () => ({ ...inputs, attentionMask: integers([[1, 1, 0, 1, 1]]) }));
    expect([...short]).toEqual([...full]);
  });

  it('shares a past of one sequence among a batch', async () => {
    const past = wavePast(model, 2);
    const rows = [
      [5, 9],
      [40, 7],
    ];
    const both = await logitsOf(model, p, () => ({ inputIds: integers(rows), past }));
    const alone = await Promise.all(rows.map((row) => logitsOf(model, p, () => ({ inputIds: integers([row]), past }))));
    expect(both).toBeAllClose(
      alone.flatMap((x) => [...x]),
      close,
    );
  });

  it('reads embeddings in place of ids, and soft prompts as the past that they become', async () => {
    const ids = [5, 9, 40];
    const soft = wave([1, 2, 32], 4);
    const byId = await logitsOf(model, p, () => ({ inputIds: integers([ids]) }));
    const byEmbedding = await logitsOf(model, p, () => ({ inputsEmbeds: model.embed(p, integers([ids])) }));
    expect([...byEmbedding]).toEqual([...byId]);
    const before = await logitsOf(model, p, () => ({
      inputsEmbeds: tf.concat([soft, model.embed(p, integers([ids]))], 1),
    }));
    const asPast = await logitsOf(model, p, () => ({
      inputIds: integers([ids]),
      past: model.run(p, { inputsEmbeds: soft }).cache,
    }));
    expect(asPast).toBeAllClose(before.slice(2 * V), close);
  });

  it('keeps the logits of the last tokens on demand', async () => {
    const inputIds = integers([[5, 9, 40]]);
    const all = await logitsOf(model, p, () => ({ inputIds }));
    expect(await logitsOf(model, p, () => ({ inputIds, logitsToKeep: 2 }))).toBeAllClose(all.slice(V));
    expect(() => model.run(p, { inputIds, logitsToKeep: 4 })).toThrow(/logitsToKeep/);
  });

  it('has the gradient of a prefix: along any direction, the slope of the logits', async () => {
    const past = wavePast(model, 2);
    const params = recordOf(past.flatMap(({ k, v }, i) => [[`${i}.k`, k] as const, [`${i}.v`, v] as const]));
    const inputIds = integers([
      [5, 9, 40],
      [7, 7, 1],
    ]);
    const pastOf = (q: typeof params): Cache =>
      past.map((_, i) => ({ k: q[`${i}.k`] as Tensor, v: q[`${i}.v`] as Tensor }));
    const weighting = wave([2, 3, V], 3);
    const value = (q: typeof params) => tf.sum(tf.mul(model.run(p, { inputIds, past: pastOf(q) }).logits, weighting));
    const { grads } = valueAndGrad(value)(params);
    const h = 2 ** -7;
    for (const name of Object.keys(params)) {
      const x = params[name] as Tensor;
      const direction = wave(x.shape, 9);
      const at = async (s: number) =>
        (await read(value({ ...params, [name]: tf.add(x, tf.mul(direction, s)) })))[0] as number;
      const slope = ((await at(h)) - (await at(-h))) / (2 * h);
      const along = await read(tf.sum(tf.mul(grads[name] as Tensor, direction)));
      expect(along).toBeAllClose([slope], { rtol: 1e-2, atol: 1e-2 });
    }
    expect(Math.max(...(await read(tf.abs(grads['0.k'] as Tensor))))).toBeGreaterThan(1e-3);
  });
});

interface PastCase extends Variant {
  readonly past: number;
  readonly prompts: ReadonlyArray<ReadonlyArray<number>>;
  /** The first 8 logits of the last token of each sequence. */
  readonly logits: ReadonlyArray<ReadonlyArray<number>>;
}

describe('a past of given keys and values', () => {
  it.each(goldenJson<ReadonlyArray<PastCase>>('past.json'))(
    'before padded text gives $base $config the logits of transformers',
    async (c) => {
      const model = modelFor(c);
      const T = Math.max(...c.prompts.map((ids) => ids.length));
      const zeros = (ids: ReadonlyArray<number>): ReadonlyArray<number> => Array<number>(T - ids.length).fill(0);
      const logits = model.run(baseWeights(c.base), {
        inputIds: integers(c.prompts.map((ids) => [...zeros(ids), ...ids])),
        attentionMask: integers(c.prompts.map((ids) => [...zeros(ids), ...ids.map(() => 1)])),
        positionIds: c.prompts.map((ids) => [...zeros(ids), ...ids.map((_, i) => c.past + i)]),
        past: wavePast(model, c.past),
        logitsToKeep: 1,
      }).logits;
      const some = await read(tf.slice(logits, [0, 0, 0], [-1, 1, 8]));
      expect(some).toBeAllClose(c.logits.flat(), { rtol: 1e-5, atol: 1e-5 });
    },
  );
});

describe('extend', () => {
  it('puts new tokens behind old ones', async () => {
    const at = (values: ReadonlyArray<number>) => tensorOf(Float32Array.from(values), [1, 1, values.length, 1]);
    const { k, v } = extend({ k: at([1, 2]), v: at([3, 4]) }, { k: at([5]), v: at([6]) });
    expect([...(await read(k)), ...(await read(v))]).toEqual([1, 2, 5, 3, 4, 6]);
  });
});

describe('disposeCache', () => {
  it('frees what nothing else keeps', () => {
    const model = modelFor({ base: 'llama', config: {} });
    const before = numTensors();
    const [a, b] = [wavePast(model, 1), wavePast(model, 2)];
    disposeCache([...a, ...b], { keep: b });
    expect(numTensors()).toBe(before + 4);
    disposeCache(b);
    expect(numTensors()).toBe(before);
    expect(cacheLength(undefined)).toBe(0);
  });
});

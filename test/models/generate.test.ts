import { describe, expect, it } from 'vitest';
import { attach } from '../../src/adapters/apply.js';
import { identity } from '../../src/adapters/combine.js';
import { E } from '../../src/fp.js';
import { disposeCache } from '../../src/models/cache.js';
import type { Sequences } from '../../src/models/decode.js';
import { generate, type GenerateOptions } from '../../src/models/generate.js';
import type { LanguageModel } from '../../src/models/model.js';
import { numTensors } from '../../src/ops/backend.js';
import { key } from '../../src/ops/random.js';
import type { Weights } from '../../src/ops/tensor.js';
import { tf } from '../../src/ops/tf.js';
import { renderProblems } from '../../src/problem.js';
import { baseWeights } from './golden.js';
import { goldenJson, integers, modelFor, variants, wavePast, type Variant } from './language-models.js';

interface Case extends Variant {
  readonly prompts: Sequences;
  readonly tokens: Sequences;
  /** An end token, and the sequences up to it. */
  readonly end: number;
  readonly ended: Sequences;
}

const cases = goldenJson<ReadonlyArray<Case>>('generation.json');

const llama = modelFor({ base: 'llama', config: {} });

const generated = async (
  model: LanguageModel,
  p: Weights,
  prompts: Sequences,
  options: GenerateOptions,
): Promise<Sequences> => {
  const result = await generate(model, p, prompts, options);
  if (E.isLeft(result)) throw new Error(renderProblems(result.left));
  return result.right;
};

const problemsOf = async (prompts: Sequences, options: GenerateOptions, model = llama) => {
  const result = await generate(model, {}, prompts, options);
  return E.isLeft(result) ? result.left.map((p) => p.at) : [];
};

describe('greedy', () => {
  it.each(cases)('$base $config gives the tokens of transformers for a padded batch', async (c) => {
    const p = baseWeights(c.base);
    const maxNewTokens = c.tokens[0]?.length as number;
    expect(await generated(modelFor(c), p, c.prompts, { maxNewTokens })).toEqual(c.tokens);
    expect(await generated(modelFor(c), p, c.prompts, { maxNewTokens, eosTokenId: c.end })).toEqual(c.ended);
    expect(
      await generated(modelFor(c), p, c.prompts, { maxNewTokens, eosTokenId: [95, c.end], padTokenId: 5 }),
    ).toEqual(c.ended.map((row) => (row.includes(95) ? row.slice(0, row.indexOf(95) + 1) : row)));
  });

  it.each(cases)('$base $config gives a sequence the same tokens alone and in a batch', async (c) => {
    const p = baseWeights(c.base);
    for (const [i, prompt] of c.prompts.entries())
      expect(await generated(modelFor(c), p, [prompt], { maxNewTokens: 8 })).toEqual([c.tokens[i]?.slice(0, 8)]);
  });

  it.each(variants)('$base goes on from the cache of a text as from the text', async (v) => {
    const model = modelFor(v);
    const p = baseWeights(v.base);
    const [text, question] = [
      [31, 52, 45, 53],
      [85, 76],
    ];
    const { cache } = model.run(p, { inputIds: integers([text]) });
    const whole = await generated(model, p, [[...text, ...question]], { maxNewTokens: 10 });
    expect(await generated(model, p, [question], { maxNewTokens: 10, past: cache })).toEqual(whole);
  });

  it('does not see what fills up shorter sequences, with a prefix before it', async () => {
    const p = baseWeights('llama');
    const past = wavePast(llama, 3);
    const prompts = [[31, 52, 45, 53], [7], [90, 3]];
    const alone = await Promise.all(prompts.map((ids) => generated(llama, p, [ids], { maxNewTokens: 6, past })));
    for (const padTokenId of [0, 77])
      expect(await generated(llama, p, prompts, { maxNewTokens: 6, past, padTokenId })).toEqual(alone.flat());
  });

  it('reads attached weights', async () => {
    const p = baseWeights('llama');
    const plain = await generate(llama, p, [[5, 9]], { maxNewTokens: 6 });
    expect(await generate(llama, attach(identity, p), [[5, 9]], { maxNewTokens: 6 })).toEqual(plain);
  });
});

describe('sampled', () => {
  const p = () => baseWeights('llama');
  const prompts = [
    [31, 52],
    [7, 90, 3],
  ];

  it('gives the same tokens for the same key, and others for another', async () => {
    const w = p();
    const at = (seed: number) => generated(llama, w, prompts, { maxNewTokens: 12, sampling: { key: key(seed) } });
    const [first, again, other] = [await at(1), await at(1), await at(2)];
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });

  it('draws for a sequence what it draws without the ones behind it, and for longer texts the same beginning', async () => {
    const w = p();
    const sampling = { key: key(3), topK: 20 };
    const both = await generated(llama, w, prompts, { maxNewTokens: 8, sampling });
    expect(await generated(llama, w, prompts.slice(0, 1), { maxNewTokens: 5, sampling })).toEqual([
      both[0]?.slice(0, 5),
    ]);
    expect(both[0]).not.toEqual(both[1]);
  });

  it('draws anew at every step', async () => {
    const sampling = { key: key(6), temperature: 1e9 }; // every token as likely as any other
    const [row] = await generated(llama, p(), [[5]], { maxNewTokens: 30, sampling });
    expect(new Set(row).size).toBeGreaterThan(15);
  });

  it('is greedy at temperature 0, near it, and for the one most probable token', async () => {
    const w = p();
    const greedy = await generated(llama, w, prompts, { maxNewTokens: 8 });
    for (const filters of [{ temperature: 0 }, { temperature: 1e-6 }, { topK: 1 }, { topP: 1e-6 }])
      expect(await generated(llama, w, prompts, { maxNewTokens: 8, sampling: { key: key(4), ...filters } })).toEqual(
        greedy,
      );
  });

  it('draws each token as often as its probability says', async () => {
    const w = p();
    const n = 300;
    const rows = await generated(llama, w, Array<number[]>(n).fill([31, 52]), {
      maxNewTokens: 1,
      sampling: { key: key(5), topK: 2 },
    });
    const counts = new Map<number, number>();
    rows.forEach(([id]) => counts.set(id as number, (counts.get(id as number) ?? 0) + 1));
    const logits = await llama.run(w, { inputIds: integers([[31, 52]]), logitsToKeep: 1 }).logits.data();
    const best = [...logits.keys()].toSorted((i, j) => (logits[j] as number) - (logits[i] as number)).slice(0, 2);
    const odds = Math.exp((logits[best[1] as number] as number) - (logits[best[0] as number] as number));
    const share = odds / (1 + odds);
    expect([...counts.keys()].every((id) => best.includes(id))).toBe(true);
    const sigma = Math.sqrt((share * (1 - share)) / n);
    expect(Math.abs((counts.get(best[1] as number) ?? 0) / n - share)).toBeLessThan(4 * sigma);
  });
});

describe('generate', () => {
  it('holds as many tensors at every step, and none in the end', async () => {
    const p = baseWeights('qwen2');
    const model = modelFor({ base: 'qwen2', config: {} });
    const past = wavePast(model, 2);
    const before = numTensors();
    const held: number[] = [];
    const onToken = () => void held.push(numTensors());
    await generated(model, p, [[1, 2], [3]], { maxNewTokens: 20, past, onToken, sampling: { key: key(1) } });
    expect(held).toHaveLength(20);
    expect(new Set(held).size).toBe(1);
    expect(numTensors()).toBe(before);
    disposeCache(past);
  });

  it('frees its tensors when a listener throws', async () => {
    const p = baseWeights('llama');
    const before = numTensors();
    const onToken = () => {
      throw new Error('enough');
    };
    await expect(generate(llama, p, [[1]], { maxNewTokens: 3, onToken })).rejects.toThrow('enough');
    expect(numTensors()).toBe(before);
  });

  it('tells each token as it comes, and nothing of sequences that have ended', async () => {
    const { base, config, prompts, end, ended } = cases[0] as Case;
    const told: (number | undefined)[][] = [];
    const options = {
      maxNewTokens: 9,
      eosTokenId: end,
      onToken: (t: ReadonlyArray<number | undefined>) => told.push([...t]),
    };
    await generated(modelFor({ base, config }), baseWeights(base), prompts, options);
    expect(told).toEqual(Array.from({ length: 9 }, (_, n) => ended.map((row) => row[n])));
  });

  it('ends when every sequence has', async () => {
    const { base, config, prompts, end, ended } = cases[0] as Case;
    let steps = 0;
    await generated(modelFor({ base, config }), baseWeights(base), prompts.slice(0, 1), {
      maxNewTokens: 24,
      eosTokenId: end,
      onToken: () => steps++,
    });
    expect(steps).toBe(ended[0]?.length);
  });

  it('names every problem at once', async () => {
    const sampling = { key: key(1), temperature: -1, topK: 0, topP: 2 };
    expect(await problemsOf([[], [1.5]], { maxNewTokens: 0, sampling })).toEqual([
      'prompts.0',
      'prompts.1',
      'maxNewTokens',
      'sampling.temperature',
      'sampling.topK',
      'sampling.topP',
    ]);
    expect(await problemsOf([], { maxNewTokens: 1 })).toEqual(['prompts']);
  });

  it('refuses more tokens than a model has learned positions for', async () => {
    const gpt2 = modelFor({ base: 'gpt2', config: {} });
    const past = wavePast(gpt2, 60);
    expect(await problemsOf([[1, 2]], { maxNewTokens: 4, past }, gpt2)).toEqual(['maxNewTokens']);
    expect(await generated(gpt2, baseWeights('gpt2'), [[1, 2]], { maxNewTokens: 3, past })).toHaveLength(1);
  });

  it('says so when the logits are not numbers', async () => {
    const p = baseWeights('llama');
    const broken = { ...p, 'model.norm.weight': tf.fill([32], NaN) };
    const result = await generate(llama, broken, [[1, 2]], { maxNewTokens: 2 });
    expect(E.isLeft(result) && result.left).toMatchObject([{ at: 'logits', found: 'NaN' }]);
  });
});

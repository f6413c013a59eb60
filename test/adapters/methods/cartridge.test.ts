/**
 * Cartridges: a text's own keys and values in place of the text, frozen tokens, and composition.
 */
import { describe, expect, it } from 'vitest';
import { attach } from '../../../src/adapters/apply.js';
import { compose, isMergeable, mergeable } from '../../../src/adapters/combine.js';
import { init } from '../../../src/adapters/init.js';
import { trainable, withTrainable } from '../../../src/adapters/leaf.js';
import { cartridge, fromCache, joinCartridges } from '../../../src/adapters/methods/cartridge.js';
import type { Adapter, Leaf } from '../../../src/adapters/adapter.js';
import { encodeAdapter } from '../../../src/io/peft.js';
import { disposeCache } from '../../../src/models/cache.js';
import { dispose, numTensors, read, scope } from '../../../src/ops/backend.js';
import { key } from '../../../src/ops/random.js';
import type { Weights } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { valueAndGrad } from '../../../src/ops/value-and-grad.js';
import { baseConfig, baseWeights, specOf } from '../../models/golden.js';
import { integers, modelFor } from '../../models/language-models.js';
import { problemsOf, right } from '../../setup/result.js';

const text = [5, 17, 33, 8, 60];
const question = [41, 7, 22];

describe.each(['llama', 'qwen2', 'gpt2'])('a cartridge on %s', (base) => {
  const spec = specOf(baseConfig(base));
  const model = modelFor({ base, config: {} });

  const leafOf = (n: number, frozen = 1): Leaf =>
    right(
      init(
        cartridge,
        { num_virtual_tokens: n, num_frozen_tokens: frozen, task_type: 'CAUSAL_LM' },
        { spec, key: key(n) },
      ),
    );

  const fromText = (weights: Weights, ids: ReadonlyArray<number>): Leaf => {
    const { logits, cache } = model.run(weights, { inputIds: integers([ids]) });
    const leaf = fromCache(leafOf(ids.length), cache);
    logits.dispose();
    disposeCache(cache);
    return leaf;
  };

  const answers = (weights: Weights, adapter: Adapter, ids: ReadonlyArray<number>): Promise<Float32Array> =>
    read(scope(() => model.run(attach(adapter, weights), { inputIds: integers([ids]) }).logits));

  it("gives the logits of the text in context when it starts as the text's own keys and values", async () => {
    const weights = baseWeights(base);
    const together = await read(
      scope(() => model.run(weights, { inputIds: integers([[...text, ...question]]) }).logits),
    );
    const behind = await answers(weights, fromText(weights, text), question);
    expect(behind).toBeAllClose(together.slice(-behind.length), { rtol: 1e-4, atol: 1e-5 });
  });

  it('gives other logits than no cartridge', async () => {
    const weights = baseWeights(base);
    const behind = await answers(weights, fromText(weights, text), question);
    const alone = await read(scope(() => model.run(weights, { inputIds: integers([question]) }).logits));
    expect(Math.max(...behind.map((y, i) => Math.abs(y - (alone[i] ?? 0))))).toBeGreaterThan(1e-2);
  });

  it('composes: two of them in turn are one whose tokens follow each other', async () => {
    const weights = baseWeights(base);
    const [a, b] = [fromText(weights, text), fromText(weights, question)];
    const joined = right(joinCartridges([a, b]));
    const composed = await answers(weights, compose<Adapter['algebra']>(a, b), question);
    expect(composed).toBeAllClose(await answers(weights, joined, question), { rtol: 0, atol: 0 });
    expect((joined.config as { readonly num_virtual_tokens?: unknown }).num_virtual_tokens).toBe(
      text.length + question.length,
    );
    const files = right(await encodeAdapter(joined));
    expect(JSON.parse(files.config)).toMatchObject({ num_virtual_tokens: 8, num_frozen_tokens: 1 });
  });

  it('gives frozen tokens no gradient, and all others one', async () => {
    const weights = baseWeights(base);
    const leaf = leafOf(4, 2);
    const { value, grads } = valueAndGrad((params) =>
      tf.mean(
        tf.square(model.run(attach(withTrainable(leaf, params), weights), { inputIds: integers([question]) }).logits),
      ),
    )(trainable(leaf));
    const g = await read(grads['prompt_embeddings'] as tf.Tensor);
    value.dispose();
    const half = g.length / 2;
    expect(g.slice(0, half).every((x) => x === 0)).toBe(true);
    expect(g.slice(half).some((x) => x !== 0)).toBe(true);
  });

  it('does not merge, and says why', () => {
    const leaf = leafOf(3);
    expect(isMergeable(leaf)).toBe(false);
    expect(problemsOf(mergeable(leaf))[0]?.found).toContain('virtual tokens');
  });

  it('leaves no tensors behind', async () => {
    const weights = baseWeights(base);
    const leaf = fromText(weights, text);
    const before = numTensors();
    await answers(weights, leaf, question);
    expect(numTensors() - before).toBeLessThanOrEqual(1);
    dispose(leaf.params);
  });
});

describe('cartridge configs', () => {
  const spec = specOf(baseConfig('llama'));
  const problems = (config: Readonly<Record<string, unknown>>): string =>
    problemsOf(init(cartridge, config, { spec, key: key(0) }))
      .map((p) => `${p.at}: ${p.expected}`)
      .join('\n');

  it('need the number of virtual tokens', () => expect(problems({})).toContain('num_virtual_tokens'));
  it('have at most as many frozen tokens as tokens', () =>
    expect(problems({ num_virtual_tokens: 2, num_frozen_tokens: 3 })).toContain('num_frozen_tokens'));
  it('agree with the model on widths and layers', () => {
    const text_ = problems({ num_virtual_tokens: 2, token_dim: 99, num_layers: 7 });
    expect(text_).toContain('token_dim');
    expect(text_).toContain('num_layers');
  });
  it('join with their like only', () => {
    const leaf = right(init(cartridge, { num_virtual_tokens: 2 }, { spec, key: key(0) }));
    expect(problemsOf(joinCartridges([leaf]))[0]?.expected).toBe('at least two');
    const other = { ...leaf, config: { ...leaf.config, num_layers: 9 } } as Leaf;
    expect(problemsOf(joinCartridges([leaf, other]))[0]?.at).toContain('num_layers');
  });
});

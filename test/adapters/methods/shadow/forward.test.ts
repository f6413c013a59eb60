import { describe, expect, it } from 'vitest';
import { readCase } from '../../../../parity/case.js';
import type { Adapter, Leaf } from '../../../../src/adapters/adapter.js';
import { attach } from '../../../../src/adapters/apply.js';
import type { Attached } from '../../../../src/adapters/attached.js';
import { compose, restrict } from '../../../../src/adapters/combine.js';
import { decodeAdapter } from '../../../../src/adapters/decode.js';
import { init } from '../../../../src/adapters/init.js';
import { trainable, withTrainable } from '../../../../src/adapters/leaf.js';
import { lora } from '../../../../src/adapters/methods/lora/lora.js';
import { prefixTuning } from '../../../../src/adapters/methods/prefix-tuning.js';
import { promptTuning } from '../../../../src/adapters/methods/prompt-tuning.js';
import { generate } from '../../../../src/models/generate.js';
import { causalCrossEntropy } from '../../../../src/models/loss.js';
import { dispose, read, scope } from '../../../../src/ops/backend.js';
import { key } from '../../../../src/ops/random.js';
import { type Weights } from '../../../../src/ops/tensor.js';
import { tf } from '../../../../src/ops/tf.js';
import { valueAndGrad } from '../../../../src/ops/value-and-grad.js';
import { integers } from '../../../models/language-models.js';
import { right } from '../../../setup/result.js';
import {
  folderOf,
  ids,
  running,
  free,
  numbersOf,
  close,
  givenOf,
  prompt,
  bothWays,
  type Config,
  type Running,
} from './running.js';

describe('ShadowPEFT in a model', () => {
  it.each(ids)('generates what PEFT generates for prompts of different lengths (%s)', async (id) => {
    const r = await running(id);
    const p = attach(r.leaf, r.weights);
    const before = tf.memory().numTensors;
    const found = await generate(r.model, p, r.told.prompts, { maxNewTokens: 6 });
    expect(right(found)).toEqual(r.told.generated);
    expect(tf.memory().numTensors).toBe(before);
    free(r);
  });

  it.each(ids)('continues both models from its cache (%s)', async (id) => {
    const r = await running(id);
    const [whole, stepped] = await bothWays(r, r.leaf);
    close(stepped, whole);
    free(r);
  });

  it('has one cache of both models, the base first', async () => {
    const r = await running('qwen3-shadow');
    const { cache } = r.model.run(attach(r.leaf, r.weights), { inputIds: integers([prompt]) });
    expect(cache).toHaveLength(2 + 3);
    free(r);
  });

  it.each(['llama-shadow-sizes', 'gpt2-shadow'])('has the same gradients layer by layer (%s)', async (id) => {
    const r = await running(id);
    const gradients = (checkpoint: boolean) =>
      valueAndGrad((params: Weights) => {
        const p = attach(withTrainable(r.leaf, params), r.weights);
        return causalCrossEntropy(r.model.run(p, { ...givenOf(r), checkpoint }).logits, givenOf(r).inputIds);
      })(trainable(r.leaf)).grads;
    const [kept, again] = [gradients(false), gradients(true)];
    for (const name of Object.keys(kept)) close(await read(again[name]!), await read(kept[name]!));
    [kept, again].forEach((record) => dispose(record));
    free(r);
  });

  it.each([
    ['soft tokens', promptTuning],
    ['a prefix', prefixTuning],
  ] as const)('stands behind %s and beside other adapters', async (_, method) => {
    const r = await running('llama-shadow');
    const made = (m: typeof lora | typeof method, config: Config): Leaf =>
      right(init(m, { task_type: 'CAUSAL_LM', ...config }, { spec: r.case.spec, key: key(3), weights: r.weights }));
    const virtual = made(method, { num_virtual_tokens: 3 });
    const low = made(lora, { target_modules: ['q_proj', 'embed_tokens'], init_lora_weights: false });
    const [alone] = await bothWays(r, r.leaf);
    for (const other of [virtual, low]) {
      const [whole, stepped] = await bothWays(r, compose<Adapter['algebra']>(other, r.leaf));
      close(stepped, whole);
      expect(Math.max(...whole.map((v, i) => Math.abs(v - (alone[i] as number))))).toBeGreaterThan(1e-3);
      dispose(other.params);
    }
    free(r);
  });

  it('stands beside a mixture of adapters, whose two passes it corrects alike', async () => {
    const [r, mixed] = [await running('llama-shadow'), await readCase(folderOf('llama-xlora'))];
    const { adapter } = right(decodeAdapter(mixed.files, mixed.spec));
    const [whole, stepped] = await bothWays(r, compose<Adapter['algebra']>(adapter, r.leaf));
    close(stepped, whole);
    dispose(adapter.params);
    free(r);
  });

  it('reads embeddings in place of ids, unless it is of another width', async () => {
    const [shared, sized] = [await running('llama-shadow'), await running('llama-shadow-sizes')];
    const byIds = (r: Running) => r.model.run(attach(r.leaf, r.weights), { inputIds: integers([prompt]) }).logits;
    const byEmbeddings = (r: Running) => {
      const p = attach(r.leaf, r.weights);
      return r.model.run(p, { inputsEmbeds: r.model.embed(p, integers([prompt])) }).logits;
    };
    close(await numbersOf(() => byEmbeddings(shared)), await numbersOf(() => byIds(shared)));
    expect(() => scope(() => byEmbeddings(sized))).toThrow(/inputIds, because the shadow is 16 wide/);
    [shared, sized].forEach(free);
  });

  it('sees the new tokens alone behind a past that it has not read', async () => {
    const r = await running('gpt2-shadow');
    const p = attach(r.leaf, r.weights);
    const { cache: past } = r.model.run(r.weights, { inputIds: integers([[9, 4]]) });
    const behind = (width: number) => () =>
      r.model.run(p, { inputIds: integers([prompt]), past, attentionMask: tf.ones([1, width]) }).logits;
    const wide = await numbersOf(behind(2 + prompt.length));
    expect(wide).toEqual(await numbersOf(behind(prompt.length)));
    past.flatMap(({ k, v }) => [k, v]).forEach((t) => t.dispose());
    free(r);
  });

  it('is nothing without the shadow, and takes one', async () => {
    const r = await running('llama-shadow');
    const run = (p: Attached | Weights) => r.model.run(p, { inputIds: integers([prompt]) }).logits;
    const base = await numbersOf(() => run(r.weights));
    const blocks = restrict(['model.layers.0', 'model.layers.1'], r.leaf);
    expect(await numbersOf(() => run(attach(blocks, r.weights)))).toEqual(base);
    expect(() => scope(() => run(attach(compose(r.leaf, r.leaf), r.weights)))).toThrow(/one shadow/);
    free(r);
  });
});

import { describe, expect, it } from 'vitest';
import { decodeAdapter } from '../../../src/adapters/decode.js';
import { trainableTokens } from '../../../src/adapters/methods/trainable-tokens.js';
import { E } from '../../../src/fp.js';
import { checkpointOf } from '../../../src/io/checkpoint.js';
import { encodeAdapter, readAll } from '../../../src/io/peft.js';
import type { RawTensor } from '../../../src/io/safetensors/write.js';
import type { ModelSpec } from '../../../src/models/spec.js';
import { read } from '../../../src/ops/backend.js';
import { encodeFloats } from '../../../src/ops/dtype.js';
import { tf } from '../../../src/ops/tf.js';
import { renderProblems } from '../../../src/problem.js';
import { adapterOf, mergedBy, modelOf, problemsOf, weightsOf } from './trial.js';

const tied: ModelSpec = {
  ...modelOf(
    { name: 'm.embed_tokens', kind: 'Embedding', params: { weight: [5, 3] } },
    { name: 'm.norm', kind: 'LayerNorm', params: { weight: [3] } },
    { name: 'head', kind: 'Linear', params: { weight: [5, 3] } },
  ),
  ties: [['head.weight', 'm.embed_tokens.weight']],
  inputEmbedding: 'm.embed_tokens',
  outputEmbedding: 'head',
  config: { tie_word_embeddings: true },
};
const own = 'base_model.model.m.embed_tokens.trainable_tokens_delta';
const second = 'base_model.model.head.trainable_tokens_delta';

const raw = (value: number): RawTensor => ({
  dtype: 'F32',
  shape: [2, 3],
  bytes: encodeFloats('F32', new Float32Array(6).fill(value)),
});

const decode = (tensors: ReadonlyArray<readonly [string, RawTensor]>) =>
  decodeAdapter({ config: { peft_type: 'TRAINABLE_TOKENS', token_indices: [1, 4] }, tensors: new Map(tensors) }, tied);

const stored = async (leaf: Parameters<typeof encodeAdapter>[0]): Promise<ReadonlyMap<string, RawTensor>> => {
  const files = await encodeAdapter(leaf);
  const checkpoint = E.isRight(files) ? checkpointOf(files.right.tensors) : files;
  const all = E.isRight(checkpoint) ? await readAll(checkpoint.right) : checkpoint;
  if (E.isLeft(all)) throw new Error(renderProblems(all.left));
  return all.right;
};

describe('trainable tokens', () => {
  it.each([
    [{}, 'the rows of the embedding to train'],
    [{ token_indices: [5] }, 'from 0 to 4'],
    [{ token_indices: [-1] }, 'from 0 to 4'],
    [{ token_indices: [2, 2] }, 'once'],
    [{ token_indices: [0.5] }, 'a list of token indices'],
    [{ token_indices: [0], target_modules: ['norm'] }, 'an Embedding or a Linear'],
    [{ token_indices: [0], target_modules: ['emb'] }, 'embed_tokens'],
  ])('refuses %j', (config, why) => expect(problemsOf(trainableTokens, config, tied)).toContain(why));

  it('targets the input embedding by itself, and starts at its rows', async () => {
    const leaf = adapterOf(trainableTokens, { token_indices: [4, 1] }, tied);
    const W = await read(weightsOf(tied)['m.embed_tokens.weight']!);
    expect(Object.keys(leaf.params)).toEqual([own]);
    expect([...(await read(leaf.params[own]!))]).toEqual([...W.subarray(12, 15), ...W.subarray(3, 6)]);
    const random = adapterOf(trainableTokens, { token_indices: [4, 1], init_weights: false }, tied);
    expect(await read(random.params[own]!)).not.toEqual(await read(leaf.params[own]!));
  });

  it('replaces rows and leaves the others', async () => {
    const leaf = adapterOf(trainableTokens, { token_indices: [4, 1] }, tied);
    const weights = weightsOf(tied);
    const W = await read(weights['m.embed_tokens.weight']!);
    const merged = mergedBy({ ...leaf, params: { [own]: tf.zeros([2, 3]) } }, weights);
    const V = await read(merged['m.embed_tokens.weight']!);
    const expected = W.map((w, i) => ([1, 4].includes(Math.floor(i / 3)) ? 0 : w));
    expect(V).toEqual(expected);
  });

  it('holds a tied head under both names in the file, with the trained values', async () => {
    const leaf = adapterOf(trainableTokens, { token_indices: [1, 4] }, tied);
    const trained = await stored({ ...leaf, params: { [own]: tf.fill([2, 3], 7) } });
    expect([...trained.keys()].toSorted()).toEqual([second, own].toSorted());
    expect(trained.get(second)).toEqual(raw(7));
    expect(trained.get(own)).toEqual(raw(7));
  });

  it('reads files with both names, with one, and refuses two that differ', async () => {
    const [both, one, differ] = [
      decode([
        [own, raw(1)],
        [second, raw(1)],
      ]),
      decode([[own, raw(1)]]),
      decode([
        [own, raw(1)],
        [second, raw(2)],
      ]),
    ];
    const names = async (d: typeof both) => (E.isRight(d) ? [...(await stored(d.right.adapter)).keys()] : []);
    expect(await names(both)).toHaveLength(2);
    expect(await names(one)).toEqual([own]);
    expect(E.isLeft(differ) ? renderProblems(differ.left) : '').toContain(`the values of ${own}`);
  });
});

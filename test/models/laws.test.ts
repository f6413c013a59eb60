/** What holds for every language model, whatever its weights. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { causalCrossEntropy } from '../../src/models/loss.js';
import { forward } from '../../src/models/registry.js';
import { read, scope, tensorOf } from '../../src/ops/backend.js';
import { tf } from '../../src/ops/tf.js';
import { mapRecord, recordOf, sizeOf, type Weights } from '../../src/ops/tensor.js';
import { valueAndGrad } from '../../src/ops/value-and-grad.js';
import { baseConfig, baseWeights, specOf } from './golden.js';

const bases = ['llama', 'mistral', 'qwen2', 'qwen3', 'gpt2', 'opt', 'gpt_oss'];
const V = 96;

/** Reproducible values in [-1, 1]. */
const wave = (shape: ReadonlyArray<number>, seed: number) =>
  tensorOf(
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(seed + 1.7 * i)),
    shape,
  );

const tokens = fc.array(fc.integer({ min: 0, max: V - 1 }), { minLength: 2, maxLength: 7 });

const logitsOf = async (base: string, p: Weights, ids: ReadonlyArray<number>, mask?: ReadonlyArray<number>) =>
  read(
    scope(() => {
      const inputIds = tensorOf(Int32Array.from(ids), [1, ids.length]);
      const attentionMask = mask && tensorOf(Int32Array.from(mask), [1, ids.length]);
      return forward(specOf(baseConfig(base)), p, { inputIds, attentionMask });
    }),
  );

describe.each(bases)('%s', (base) => {
  it('is causal: a later token changes no earlier logits', async () => {
    const p = baseWeights(base);
    await fc.assert(
      fc.asyncProperty(tokens, fc.nat(), fc.integer({ min: 1, max: V - 1 }), async (ids, place, step) => {
        const at = place % ids.length;
        const changed = ids.map((id, i) => (i === at ? (id + step) % V : id));
        const [a, b] = [await logitsOf(base, p, ids), await logitsOf(base, p, changed)];
        expect(a.slice(0, at * V)).toBeAllClose(b.slice(0, at * V));
        expect(a.slice(at * V, (at + 1) * V)).not.toBeAllClose(b.slice(at * V, (at + 1) * V), { atol: 1e-3 });
      }),
      { numRuns: 10, seed: 11 },
    );
  });

  it('does not see padding: tokens behind it may be anything', async () => {
    const p = baseWeights(base);
    await fc.assert(
      fc.asyncProperty(tokens, fc.nat(), async (ids, place) => {
        const at = place % (ids.length - 1); // hides position `at`, which is not the last
        const mask = ids.map((_, i) => (i === at ? 0 : 1));
        const changed = ids.map((id, i) => (i === at ? (id + 1) % V : id));
        const [a, b] = [await logitsOf(base, p, ids, mask), await logitsOf(base, p, changed, mask)];
        expect(a.slice((at + 1) * V)).toBeAllClose(b.slice((at + 1) * V));
      }),
      { numRuns: 10, seed: 13 },
    );
  });

  it('gives each sequence of a batch its own logits', async () => {
    const p = baseWeights(base);
    const rows = [
      [5, 9, 40],
      [7, 7, 1],
    ];
    const both = forward(specOf(baseConfig(base)), p, { inputIds: tensorOf(Int32Array.from(rows.flat()), [2, 3]) });
    const alone = await Promise.all(rows.map((row) => logitsOf(base, p, row)));
    expect(await read(both)).toBeAllClose(alone.flatMap((x) => [...x]));
  });

  it('leaves its weights and no tensors behind', () => {
    const p = baseWeights(base);
    const before = tf.memory().numTensors;
    const inputIds = tensorOf(Int32Array.from([1, 2, 3]), [1, 3]);
    const y = scope(() => forward(specOf(baseConfig(base)), p, { inputIds }));
    expect(tf.memory().numTensors).toBe(before + 2); // ids and logits
    tf.dispose([y, inputIds]);
  });
});

describe('gradients', () => {
  it.each(bases)('of all weights of %s: along any direction, the slope of the loss', async (base) => {
    const p = baseWeights(base);
    const inputIds = tensorOf(Int32Array.from([3, 50, 8, 9, 50, 1]), [2, 3]);
    const smooth = base === 'opt' ? { activation_function: 'gelu' } : {}; // relu has no slope where it bends
    const spec = specOf({ ...baseConfig(base), ...smooth });
    const loss = (w: Weights) => causalCrossEntropy(forward(spec, w, { inputIds }), inputIds);
    const direction = mapRecord(p, (W, key) => wave(W.shape, key.length));
    const along = (h: number) => mapRecord(p, (W, key) => tf.add(W, tf.mul(direction[key] as tf.Tensor, h)));
    const h = 2e-3;
    const [after, before] = [await read(loss(along(h))), await read(loss(along(-h)))];
    const { grads } = valueAndGrad(loss)(p);
    const terms = Object.entries(grads).map(([key, g]) => tf.sum(tf.mul(g, direction[key] as tf.Tensor)));
    const slope = ((after[0] as number) - (before[0] as number)) / (2 * h);
    expect(await read(tf.addN(terms))).toBeAllClose([slope], { rtol: 1e-2, atol: 1e-3 });
  });
});

describe('heads', () => {
  it.each([
    ['qwen2', 'model.embed_tokens.weight'],
    ['gpt2', 'transformer.wte.weight'],
    ['opt', 'model.decoder.embed_tokens.weight'],
  ])('of %s: tied is the same as a head with a copy of the embedding', async (base, owner) => {
    const p = baseWeights(base);
    const untied = recordOf([...Object.entries(p), ['lm_head.weight', tf.clone(p[owner] as tf.Tensor)] as const]);
    const inputs = { inputIds: tensorOf(Int32Array.from([3, 50, 8]), [1, 3]) };
    const [a, b] = await Promise.all([
      read(forward(specOf(baseConfig(base)), p, inputs)),
      read(forward(specOf({ ...baseConfig(base), tie_word_embeddings: false }), untied, inputs)),
    ]);
    expect([...a]).toEqual([...b]);
  });

  it('repeated for every query are the same as grouped ones', async () => {
    const config = baseConfig('llama');
    const [groups, d] = [config['num_key_value_heads'] as number, config['head_dim'] as number];
    const g = (config['num_attention_heads'] as number) / groups;
    const repeated = (W: tf.Tensor): tf.Tensor => {
      const heads = tf.reshape(W, [groups, 1, d, -1]);
      return tf.reshape(tf.concat(Array<tf.Tensor>(g).fill(heads), 1), [groups * g * d, -1]);
    };
    const p = baseWeights('llama');
    const full = recordOf(Object.entries(p).map(([k, W]) => [k, /\.[kv]_proj\./.test(k) ? repeated(W) : W] as const));
    const inputs = { inputIds: tensorOf(Int32Array.from([3, 50, 8, 9]), [1, 4]) };
    const [a, b] = await Promise.all([
      read(forward(specOf(config), p, inputs)),
      read(forward(specOf({ ...config, num_key_value_heads: groups * g }), full, inputs)),
    ]);
    expect(a).toBeAllClose(b);
  });
});

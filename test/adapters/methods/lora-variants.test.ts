/**
 * LoRA's variants and the starts that take a part out of the weights.
 */
import { describe, expect, it } from 'vitest';
import { attach } from '../../../src/adapters/apply.js';
import { decodeAdapter } from '../../../src/adapters/decode.js';
import { init } from '../../../src/adapters/init.js';
import { trainable, withTrainable } from '../../../src/adapters/leaf.js';
import { likePeft } from '../../../src/adapters/like-peft.js';
import { nextDirections } from '../../../src/adapters/methods/lora/directions.js';
import { lora } from '../../../src/adapters/methods/lora/lora.js';
import type { Leaf } from '../../../src/adapters/adapter.js';
import { spectrumOf } from '../../../src/adapters/updates/spectrum.js';
import { E } from '../../../src/fp.js';
import { layerInputs } from '../../../src/models/layer-inputs.js';
import { conv1D, linear } from '../../../src/models/layers/linear.js';
import type { ModelSpec } from '../../../src/models/spec.js';
import { encodeFloats } from '../../../src/ops/dtype.js';
import { read, scope } from '../../../src/ops/backend.js';
import { key, normal, split, type Key } from '../../../src/ops/random.js';
import { mapRecord, recordOf, type Weights } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { valueAndGrad } from '../../../src/ops/value-and-grad.js';
import { right } from '../../setup/result.js';
import { config, factor, golden, spec, tensor, weights, type Stored } from '../inits/starts.js';
import { adapterOf, convOf, linearOf, mergedBy, modelOf, problemsOf, shapesOf, weightsOf } from './trial.js';

const small: ModelSpec = modelOf(
  linearOf('lin', 6, 8),
  { name: 'turned', kind: 'Conv1D', params: { weight: [8, 6], bias: [6] } },
  convOf('conv', 6, 4, 2),
  { name: 'emb', kind: 'Embedding', params: { weight: [9, 5] } },
  { name: 'mha', kind: 'MultiheadAttention', params: { in_proj_weight: [12, 4] } },
);

const on = (...targets: ReadonlyArray<string>) => ({ r: 2, target_modules: targets });
const problems = (given: object): string => problemsOf(lora, given as Readonly<Record<string, unknown>>, small);

const trained = (leaf: Leaf): Leaf => {
  const keys = split(key(9), leaf.trainable.length);
  return withTrainable(
    leaf,
    mapRecord(trainable(leaf), (t, name) => tf.add(t, normal(keys[leaf.trainable.indexOf(name)] as Key, t.shape))),
  ) as Leaf;
};

/** y of one layer, merged and attached. */
const outputs = async (leaf: Leaf, module: string, W: Weights) => {
  const x = normal(key(4), [3, 8]);
  const layer = module === 'turned' ? conv1D : linear;
  return {
    attached: await read(scope(() => layer(attach(leaf, W), module, x))),
    merged: await read(scope(() => layer(mergedBy(leaf, W), module, x))),
  };
};

describe('variants of LoRA', () => {
  it('come one at a time, on the layers that they know', () => {
    expect(problems({ ...on('lin'), kasa_config: {}, use_dora: true })).toContain('one variant of LoRA');
    expect(problems({ ...on('lin'), velora_config: {}, monteclora_config: {} })).toContain(
      'monteclora_config beside it',
    );
    expect(problems({ ...on('lin'), init_lora_weights: 'mica', use_dora: true })).toContain('init_lora_weights');
    expect(problems({ ...on('turned'), kasa_config: {} })).toContain('a Linear for KaSA');
    expect(problems({ ...on('conv'), init_lora_weights: 'mica' })).toContain('for MiCA');
    expect(problems({ ...on('emb'), velora_config: {} })).toContain('a Linear or Conv1D for VeLoRA');
    expect(problems({ ...on('mha'), monteclora_config: {} })).toContain('plain LoRA on nn.MultiheadAttention');
    expect(problems({ ...on('lin'), arrow_config: {} })).toContain('Arrow');
  });

  it('refuse configs of theirs that PEFT refuses', () => {
    expect(problems({ ...on('lin'), velora_config: { num_groups: 0 } })).toContain('velora_config');
    expect(problems({ ...on('lin'), velora_config: { init_type: 'mean' } })).toContain('"batch_average"');
    expect(problems({ ...on('lin'), monteclora_config: { num_samples: 0 } })).toContain('monteclora_config');
    expect(problems({ ...on('lin'), monteclora_config: { dirichlet_prior: 0 } })).toContain('a number greater than 0');
    expect(problems({ ...on('lin'), kasa_config: { alpha: 1 } })).toContain('kasa_config');
    expect(problems({ ...on('lin'), r: 6, kasa_config: {} })).toContain('a rank below 6');
    expect(problems({ ...on('lin'), kasa_config: 'yes' })).toContain('kasa_config');
  });

  it.each(['lin', 'turned'])('are the same merged and attached on %s', async (module) => {
    const W = weightsOf(small);
    const variants = [
      { velora_config: { num_groups: 3 } },
      { monteclora_config: { num_samples: 3 } },
      { use_bdlora: { nblocks: 2, target_modules_bd_a: [module] } },
      { use_bdlora: { nblocks: 2, target_modules_bd_b: [module] } },
      { use_qalora: true, qalora_group_size: 4 },
      { init_lora_weights: 'mica' },
      { init_lora_weights: 'pissa' },
      { init_lora_weights: 'olora' },
      { init_lora_weights: 'pissa', use_dora: true },
      ...(module === 'lin' ? [{ kasa_config: {} }, { kasa_config: {}, init_lora_weights: 'pissa' }] : []),
    ];
    for (const more of variants) {
      const { attached, merged } = await outputs(
        trained(adapterOf(lora, { ...on(module), ...more }, small)),
        module,
        W,
      );
      expect(attached, JSON.stringify(more)).toBeAllClose(merged, { rtol: 1e-4, atol: 1e-4 });
      expect(merged, JSON.stringify(more)).not.toBeAllClose(
        await read(scope(() => (module === 'turned' ? conv1D : linear)(W, module, normal(key(4), [3, 8])))),
        { atol: 1e-2 },
      );
    }
  });

  it("keep their configs with PEFT's defaults", () => {
    const made = adapterOf(lora, { ...on('lin'), velora_config: { num_groups: 2 } }, small);
    expect(made.config).toMatchObject({ velora_config: { num_groups: 2, scale: 1, init_type: 'batch_average' } });
  });
});

describe('KaSA', () => {
  it('starts at the weight without its smallest singular values', async () => {
    const W = weightsOf(small);
    const leaf = adapterOf(lora, { ...on('lin'), kasa_config: {} }, small);
    expect(shapesOf(leaf)['base_model.model.lin.lora_diag']).toEqual([2]);
    expect(leaf.trainable).toContain('base_model.model.lin.lora_diag');
    const [before, after] = [spectrumOf(W['lin.weight']!).S, spectrumOf(mergedBy(leaf, W)['lin.weight']!).S];
    expect(after.slice(0, 4)).toBeAllClose(before.slice(0, 4), { rtol: 1e-5 });
    expect(Math.max(...after.slice(4))).toBeLessThan(1e-5);
    expect(leaf.algebra).toBe('dependent');
  });
});

describe('MiCA', () => {
  it('starts where PEFT does, and leaves B as it is', async () => {
    const leaf = right(init(lora, { ...config, init_lora_weights: 'mica' }, { spec, key: key(0), weights: weights() }));
    for (const module of ['a', 'b', 'c', 'd', 'e']) {
      const B = await read(factor(leaf, module, 'B'));
      expect(B.map(Math.abs)).toBeAllClose(golden.mica[module]!.B.data.map(Math.abs), { rtol: 1e-3, atol: 1e-4 });
      expect((await read(factor(leaf, module, 'A'))).every((x) => x === 0)).toBe(true);
      expect(leaf.trainable).not.toContain(`base_model.model.${module}.lora_B.weight`);
      expect(leaf.trainable).toContain(`base_model.model.${module}.lora_A.weight`);
    }
  });

  it('works on embeddings, and needs weights and ranks within their sides', async () => {
    const leaf = adapterOf(lora, { ...on('emb'), init_lora_weights: 'mica' }, small);
    expect(leaf.trainable).toEqual(['base_model.model.emb.lora_embedding_A']);
    const B = await read(
      scope(() =>
        tf.matMul(
          leaf.params['base_model.model.emb.lora_embedding_B']! as tf.Tensor2D,
          leaf.params['base_model.model.emb.lora_embedding_B']! as tf.Tensor2D,
          true,
        ),
      ),
    );
    expect(B).toBeAllClose([1, 0, 0, 1], { atol: 1e-5 });
    expect(problems({ ...on('emb'), r: 6, init_lora_weights: 'mica' })).toContain('a rank of at most 5');
    const bare = init(lora, { ...on('lin'), init_lora_weights: 'mica' }, { spec: small, key: key(0) });
    expect(E.isLeft(bare) && bare.left[0].at).toBe('weights: lin.weight');
  });
});

describe('BD-LoRA', () => {
  it('stores blocks, and adds block-diagonal factors', async () => {
    const blocks = { nblocks: 2, target_modules_bd_a: ['lin'], target_modules_bd_b: ['turned'] };
    const leaf = trained(adapterOf(lora, { ...on('lin', 'turned'), use_bdlora: blocks }, small));
    expect(shapesOf(leaf)).toEqual({
      'base_model.model.lin.lora_A.weight': [2, 4],
      'base_model.model.lin.lora_B.weight': [6, 2],
      'base_model.model.turned.lora_A.weight': [2, 8],
      'base_model.model.turned.lora_B.weight': [6, 1],
    });
    const W = weightsOf(small);
    const D = await read(scope(() => tf.sub(mergedBy(leaf, W)['lin.weight']!, W['lin.weight']!)));
    const [A, B] = [await read(factor(leaf, 'lin', 'A')), await read(factor(leaf, 'lin', 'B'))];
    // row 0 of A acts on features 0 to 3, row 1 on the others; s = 8 / 2
    expect(D).toBeAllClose(
      Float32Array.from({ length: 48 }, (_, at) => {
        const [o, i] = [Math.floor(at / 8), at % 8];
        const j = i < 4 ? 0 : 1;
        return 4 * B[o * 2 + j]! * A[j * 4 + (i % 4)]!;
      }),
      { atol: 1e-4 },
    );
  });

  it('refuses lists that overlap, names in neither and sizes that blocks do not divide', () => {
    const bd = (more: object) => problems({ ...on('lin'), use_bdlora: { nblocks: 2, ...more } });
    expect(bd({ target_modules_bd_a: ['lin'], target_modules_bd_b: ['lin'] })).toContain('each name in one of');
    expect(bd({ target_modules_bd_a: ['li'], target_modules_bd_b: ['n'] })).toContain('both of them');
    expect(bd({})).toContain('Set match_strict to false');
    expect(bd({ match_strict: false })).toBe('');
    expect(bd({ nblocks: 3, target_modules_bd_a: ['lin'] })).toContain('divides the inputs of lin, 8');
    expect(bd({ nblocks: 4, target_modules_bd_b: ['lin'] })).toContain('divides the rank');
    expect(bd({ nblocks: 0 })).toContain('use_bdlora');
  });
});

describe('QA-LoRA', () => {
  const qa = { ...on('lin'), use_qalora: true, qalora_group_size: 4 };

  it('acts on means of groups times their number', async () => {
    const leaf = trained(adapterOf(lora, qa, small));
    expect(shapesOf(leaf)['base_model.model.lin.lora_A.weight']).toEqual([2, 2]);
    const x = normal(key(4), [3, 8]);
    const W = weightsOf(small);
    const change = await read(scope(() => tf.sub(linear(attach(leaf, W), 'lin', x), linear(W, 'lin', x))));
    const expected = await read(
      scope(() => {
        const pooled = tf.mul(tf.mean(tf.reshape(x, [3, 2, 4]), 2), 2) as tf.Tensor2D;
        const h = tf.matMul(pooled, factor(leaf, 'lin', 'A') as tf.Tensor2D, false, true);
        return tf.mul(tf.matMul(h, factor(leaf, 'lin', 'B') as tf.Tensor2D, false, true), 4);
      }),
    );
    expect(change).toBeAllClose(expected, { rtol: 1e-4, atol: 1e-4 });
  });

  it('is plain LoRA where the file has factors for every feature, as PEFT writes on other than GPTQ layers', () => {
    const raw = (shape: ReadonlyArray<number>) => ({
      dtype: 'F32' as const,
      shape,
      bytes: encodeFloats('F32', new Float32Array(shape.reduce((a, b) => a * b, 1))),
    });
    const files = (inputs: number) => ({
      config: { peft_type: 'LORA', ...qa },
      tensors: new Map([
        ['base_model.model.lin.lora_A.weight', raw([2, inputs])],
        ['base_model.model.lin.lora_B.weight', raw([6, 2])],
      ]),
    });
    for (const inputs of [2, 8]) expect(E.isRight(decodeAdapter(files(inputs), small))).toBe(true);
    expect(E.isLeft(decodeAdapter(files(4), small))).toBe(true);
  });

  it('refuses groups that do not divide the inputs', () =>
    expect(problems({ ...qa, qalora_group_size: 3 })).toContain('divides the inputs of lin, 8'));
});

describe('VeLoRA in training', () => {
  const leafOf = (tensors: Readonly<Record<string, Stored>>, init_type: string): Leaf => {
    const files = new Map(
      Object.entries(tensors).map(([name, { shape, data }]) => [
        name.replace('.default', ''),
        { dtype: 'F32' as const, shape, bytes: encodeFloats('F32', Float32Array.from(data)) },
      ]),
    );
    const velora_config = { num_groups: 3, scale: 0.7, init_type };
    const given = { peft_type: 'LORA', r: 2, lora_alpha: 3, target_modules: ['a', 'b'], velora_config };
    return right(decodeAdapter({ config: given, tensors: files }, spec)).adapter;
  };

  it.each(['random', 'batch_average', 'batch_average_once'] as const)("has PEFT's gradients: %s", async (init_type) => {
    const { tensors, input, input_gradient, gradients } = golden.velora[init_type];
    // PEFT takes the first batch's direction after loading, whatever the file says
    const stored =
      init_type === 'random'
        ? tensors
        : Object.fromEntries(
            Object.entries(tensors).map(([n, t]) => [n, n.includes('embed') ? { ...t, data: t.data.map(() => 0) } : t]),
          );
    const leaf = leafOf(stored, init_type);
    const W = weights();
    const found = valueAndGrad((p) => {
      const { x, ...own } = p;
      const at = attach(withTrainable(leaf, own), W, { training: true });
      const h = tf.relu(conv1D(at, 'b', tf.relu(linear(at, 'a', x!))));
      const y = tf.add(conv1D(W, 'd', tf.relu(linear(W, 'c', h))), linear(W, 'e', x!));
      return tf.sum(tf.square(y));
    })(recordOf([...Object.entries(trainable(leaf)), ['x', tensor(input)]]));
    expect(await read(found.grads['x']!)).toBeAllClose(input_gradient.data, { rtol: 1e-3, atol: 1e-4 });
    for (const [name, g] of Object.entries(gradients))
      expect(await read(found.grads[name.replace('.default', '')]!), name).toBeAllClose(g.data, {
        rtol: 1e-3,
        atol: 1e-3,
      });
  });

  it.each(['random', 'batch_average', 'batch_average_once'] as const)(
    "has PEFT's directions after a step: %s",
    async (init_type) => {
      const { tensors, input, directions } = golden.velora[init_type];
      const leaf = leafOf(tensors, init_type);
      const { inputs } = layerInputs(attach(leaf, weights(), { training: true }), ['a', 'b'], (p) =>
        conv1D(p, 'b', tf.relu(linear(p, 'a', tensor(input)))),
      );
      const next = nextDirections(leaf, inputs);
      for (const [name, e] of Object.entries(directions))
        expect(await read(next.params[name.replace('.default', '')]!), name).toBeAllClose(e.data, { atol: 1e-5 });
    },
  );

  it('has exact gradients otherwise', async () => {
    const leaf = leafOf(golden.velora.random.tensors, 'random');
    const W = weights();
    const x = normal(key(2), [4, 8]);
    const gradient = (training: boolean) =>
      valueAndGrad((p) => tf.sum(tf.square(linear(attach(withTrainable(leaf, p), W, { training }), 'a', x))))(
        trainable(leaf),
      );
    const [exact, compressed] = [gradient(false), gradient(true)];
    expect(await read(exact.value)).toBeAllClose(await read(compressed.value), { rtol: 1e-5 });
    const name = 'base_model.model.a.lora_A.weight';
    expect(await read(exact.grads[name]!)).not.toBeAllClose(await read(compressed.grads[name]!), { atol: 1e-3 });
  });

  it('starts with a unit direction, or with none yet', async () => {
    const direction = async (init_type: string) =>
      read(
        adapterOf(lora, { ...on('lin'), velora_config: { num_groups: 3, init_type } }, small).params[
          'base_model.model.lin.lora_velora_embed'
        ]!,
      );
    expect(Math.hypot(...(await direction('random')))).toBeCloseTo(1, 5);
    expect([...(await direction('batch_average'))]).toEqual([0, 0, 0]);
  });
});

describe('MonteCLoRA', () => {
  it('keeps its sampler, and trains the mean and its spread', async () => {
    const leaf = adapterOf(lora, { ...on('lin'), monteclora_config: { num_samples: 3 } }, small);
    const at = 'base_model.model.lin.lora_monteclora_sampler';
    expect(shapesOf(leaf)).toMatchObject({
      [`${at}.expert_weights`]: [3],
      [`${at}.expert_weights_prior`]: [3],
      [`${at}.gaussian_var_prior`]: [2, 2],
      [`${at}.std_prior`]: [2],
    });
    expect(await read(leaf.params[`${at}.expert_weights`]!)).toBeAllClose([1 / 3, 1 / 3, 1 / 3]);
    const factors = ['base_model.model.lin.lora_A.weight', 'base_model.model.lin.lora_B.weight'];
    expect(leaf.trainable).toEqual([...factors, `${at}.expert_weights_prior`, `${at}.std_prior`]);
    expect(leaf.algebra).toBe('additive');
  });
});

describe('starts that take a part out of the weights', () => {
  it.each(['pissa', 'olora'])('leave the model as it is: %s', async (init_lora_weights) => {
    for (const module of ['lin', 'turned']) {
      const W = weightsOf(small);
      const leaf = adapterOf(lora, { ...on(module), lora_alpha: 5, init_lora_weights }, small);
      const name = `${module}.weight`;
      expect(await read(mergedBy(leaf, W)[name]!)).toBeAllClose(await read(W[name]!), { atol: 1e-5 });
      expect(leaf.algebra).toBe('dependent');
    }
  });

  it('are relative to the residual base that PEFT derives', async () => {
    for (const name of ['pissa', 'olora'] as const) {
      const leaf = adapterOf(lora, { ...config, init_lora_weights: name }, spec);
      const zero = withTrainable(
        leaf,
        mapRecord(trainable(leaf), (t) => tf.zerosLike(t)),
      ) as Leaf;
      for (const module of ['a', 'c', 'e', ...(name === 'pissa' ? ['b', 'd'] : [])])
        expect(await read(mergedBy(zero, weights())[`${module}.weight`]!), `${name} ${module}`).toBeAllClose(
          golden[name][module]!.W.data,
          { rtol: 1e-4, atol: 1e-5 },
        );
    }
  });

  it('factor a Conv1D as it is stored with likePeft', async () => {
    const leaf = adapterOf(lora, { ...config, target_modules: ['d'], init_lora_weights: 'olora' }, spec);
    const zero = withTrainable(
      leaf,
      mapRecord(trainable(leaf), (t) => tf.zerosLike(t)),
    ) as Leaf;
    const theirs = golden.olora['d']!.W.data;
    expect(await read(mergedBy(likePeft(zero) as Leaf, weights())['d.weight']!)).toBeAllClose(theirs, {
      rtol: 1e-4,
      atol: 1e-5,
    });
    expect(await read(mergedBy(zero, weights())['d.weight']!)).not.toBeAllClose(theirs, { atol: 1e-2 });
  });

  it('leave embeddings alone, and act on no other layer', () => {
    const leaf = adapterOf(lora, { ...on('lin', 'emb'), init_lora_weights: 'pissa' }, small);
    expect(leaf.sites).toHaveLength(2);
    expect(problems({ ...on('conv'), init_lora_weights: 'olora' })).toContain('a Linear, Conv1D or Embedding');
    expect(problems({ ...on('mha'), init_lora_weights: 'pissa' })).toContain('a Linear, Conv1D or Embedding');
    expect(problems({ ...on('lin'), r: 7, init_lora_weights: 'pissa' })).toContain('a rank of at most 6');
  });

  it('refuse names that PEFT does not know, and bases that nothing tells', () => {
    for (const name of ['pisa', 'pissa_niter_', 'pissa_niter_1.5', 'Corda', 'LORA_GA'])
      expect(problems({ ...on('lin'), init_lora_weights: name }), name).toContain('"pissa_niter_<number>"');
    for (const name of ['corda', 'loftq', 'lora_ga'])
      expect(problems({ ...on('lin'), init_lora_weights: name }), name).toContain('whose base follows');
    expect(problems({ ...on('lin'), init_lora_weights: 'pissa_niter_4' })).toContain('pissaInit');
    expect(problems({ ...on('lin'), init_lora_weights: 'pissa', lora_bias: true })).toContain('lora_bias');
    expect(problems({ target_parameters: ['x'], init_lora_weights: 'olora' })).toContain('init_lora_weights');
  });

  it('warn where a random approximation is lost', () => {
    const raw = (shape: ReadonlyArray<number>) => ({
      dtype: 'F32' as const,
      shape,
      bytes: encodeFloats('F32', new Float32Array(shape.reduce((a, b) => a * b, 1))),
    });
    const tensors = new Map([
      ['base_model.model.lin.lora_A.weight', raw([2, 8])],
      ['base_model.model.lin.lora_B.weight', raw([6, 2])],
    ]);
    const given = { peft_type: 'LORA', ...on('lin'), init_lora_weights: 'pissa_niter_4' };
    const { warnings } = right(decodeAdapter({ config: given, tensors }, small));
    expect(warnings.join()).toContain('random approximation');
  });
});

/**
 * Starts of LoRA that change the base, against PEFT's on the same model.
 */
import { describe, expect, it } from 'vitest';
import { attach } from '../../../src/adapters/apply.js';
import { cordaInit, covariance } from '../../../src/adapters/inits/corda.js';
import { loraGaInit } from '../../../src/adapters/inits/lora-ga.js';
import { oloraInit } from '../../../src/adapters/inits/olora.js';
import { pissaInit } from '../../../src/adapters/inits/pissa.js';
import type { Started } from '../../../src/adapters/inits/started.js';
import { linear } from '../../../src/models/layers/linear.js';
import { numTensors, read, scope } from '../../../src/ops/backend.js';
import { matrix } from '../../../src/ops/linalg/index.js';
import { key, normal } from '../../../src/ops/random.js';
import { torchGenerator } from '../../../src/ops/torch-random/index.js';
import { mapRecord, recordOf, type Tensor } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import type { Result } from '../../../src/problem.js';
import { problemsOf, right } from '../../setup/result.js';
import {
  config,
  factor,
  golden,
  hostMatrix,
  options,
  product,
  products,
  residualOf,
  spec,
  tensor,
  type Start,
} from './starts.js';

const close = { rtol: 1e-4, atol: 1e-5 };

/** Products and residual bases are PEFT's. */
const expectStart = async (
  result: Result<Started>,
  expected: Readonly<Record<string, Start>>,
  modules: ReadonlyArray<string> = Object.keys(expected),
): Promise<Started> => {
  const started = right(result);
  const found = await products(started.adapter);
  for (const module of modules) {
    expect(found[module], `s B A of ${module}`).toBeAllClose(product(expected[module]!), close);
    expect(await residualOf(started, module), `base of ${module}`).toBeAllClose(expected[module]!.W.data, close);
  }
  return started;
};

const why = async (result: Promise<Result<unknown>>): Promise<string> =>
  problemsOf(await result)
    .map((p) => `${p.at}: ${p.expected} / ${p.found}`)
    .join('\n');

describe('pissaInit', () => {
  it('starts where PEFT does', async () => {
    const { adapter } = await expectStart(await pissaInit(config, options()), golden.pissa);
    // the two factors share each triplet's value evenly
    const A = await read(factor(adapter, 'a', 'A'));
    expect(A.map(Math.abs)).toBeAllClose(golden.pissa['a']!.A.data.map(Math.abs), close);
    expect(adapter.config).toMatchObject({ init_lora_weights: true });
  });

  it('draws torch\'s random directions for "pissa_niter_<k>"', async () => {
    const named = { ...config, init_lora_weights: 'pissa_niter_2' };
    const generator = torchGenerator(7);
    await expectStart(await pissaInit(named, { ...options(), generator }), golden.pissa_niter_2);
    const own = right(await pissaInit(named, options()));
    expect(await residualOf(own, 'a')).not.toBeAllClose(golden.pissa['a']!.W.data, { atol: 1e-6, rtol: 1e-6 });
    const taken = (await products(own.adapter))['a']!;
    expect((await residualOf(own, 'a')).map((x, i) => x + taken[i]!)).toBeAllClose(golden.weights['a']!.data, close);
  });

  it('leaves the model as it is, with DoRA too', async () => {
    for (const use_dora of [false, true]) {
      const given = options();
      const { adapter, residual } = right(await pissaInit({ ...config, use_dora }, given));
      const x = normal(key(5), [4, 8]);
      const before = await read(scope(() => linear(given.weights, 'a', x)));
      expect(await read(scope(() => linear(attach(adapter, residual), 'a', x)))).toBeAllClose(before, { atol: 1e-5 });
      expect(await read(scope(() => linear(residual, 'a', x)))).not.toBeAllClose(before, { atol: 1e-2 });
    }
  });

  it('starts the variants that store A and B as LoRA does, where it starts LoRA', async () => {
    const plain = right(await pissaInit(config, options())).adapter;
    for (const variant of [{ velora_config: { num_groups: 2 } }, { monteclora_config: { num_samples: 2 } }]) {
      const { adapter } = right(await pissaInit({ ...config, ...variant }, options()));
      for (const name of ['base_model.model.a.lora_A.weight', 'base_model.model.a.lora_B.weight'])
        expect(await read(adapter.params[name]!)).toEqual(await read(plain.params[name]!));
    }
  });

  it('keeps the weights that it does not act on, and frees what it made on the way', async () => {
    const given = options();
    const before = numTensors();
    const { adapter, residual } = right(await pissaInit({ ...config, target_modules: ['a', 'b'] }, given));
    expect(residual['c.weight']).toBe(given.weights['c.weight']);
    expect(numTensors() - before).toBe(Object.keys(adapter.params).length + 2);
  });

  it('refuses ranks without triplets, missing weights, unknown names, other forms of A', async () => {
    expect(await why(pissaInit({ ...config, r: 9 }, options()))).toContain('a rank of at most 8 for a');
    const { 'b.weight': _, ...less } = options().weights;
    expect(await why(pissaInit(config, { ...options(), weights: less }))).toContain('weights: b.weight');
    expect(await why(pissaInit({ ...config, init_lora_weights: 'pissa_niter_x' }, options()))).toContain('"pissa"');
    const blocks = { use_bdlora: { nblocks: 2, target_modules_bd_a: ['a', 'b', 'c', 'd', 'e'], match_strict: false } };
    expect(await why(pissaInit({ ...config, target_modules: ['a'], ...blocks }, options()))).toContain('dense A and B');
    expect(await why(pissaInit({ ...config, r: 0 }, options()))).toContain('adapter_config.json: r');
  });
});

describe('oloraInit', () => {
  it("starts where PEFT does on linear layers, in LAPACK's signs", async () => {
    const { adapter } = await expectStart(await oloraInit(config, options()), golden.olora, ['a', 'c', 'e']);
    expect(await read(factor(adapter, 'a', 'A'))).toBeAllClose(golden.olora['a']!.A.data, close);
    expect(await read(factor(adapter, 'a', 'B'))).toBeAllClose(golden.olora['a']!.B.data, close);
  });

  it('factors a Conv1D as [out, in], so that its factors fit', async () => {
    const started = right(await oloraInit(config, options()));
    expect(factor(started.adapter, 'b', 'A').shape).toEqual([2, 12]);
    expect(golden.olora['b']!.A.shape).toEqual([2, 10]);
    const [W, found] = [golden.weights['b']!, (await products(started.adapter))['b']!];
    const restored = (await residualOf(started, 'b')).map((x, i) => x + found[(i % 10) * 12 + Math.floor(i / 10)]!);
    expect(restored).toBeAllClose(W.data, close);
  });
});

describe('cordaInit', () => {
  const covariances = recordOf(
    Object.entries(golden.inputs).map(([name, batches]) => [name, right(covariance(batches.map(hostMatrix)))] as const),
  );

  it.each(['ipm', 'kpm'] as const)('starts where PEFT does: %s', async (method) => {
    await expectStart(await cordaInit(config, options(), covariances, method), golden[`corda_${method}`]);
  });

  it('refuses covariances that are missing, of another width or hopeless', async () => {
    const { a: _, ...less } = covariances;
    expect(await why(cordaInit(config, options(), less))).toContain('covariances: a');
    expect(await why(cordaInit(config, options(), { ...covariances, b: covariances['a']! }))).toContain('[12, 12]');
    const none = matrix(8, 8, new Float64Array(64));
    expect(await why(cordaInit(config, options(), { ...covariances, a: none }))).toContain('covariance');
  });

  it('refuses inputs that are none', () => {
    expect(problemsOf(covariance([]))[0]?.found).toBe('none');
    expect(problemsOf(covariance([matrix(1, 2, new Float64Array(2)), matrix(1, 3, new Float64Array(3))]))).toHaveLength(
      1,
    );
    expect(problemsOf(covariance([matrix(1, 2, Float64Array.of(1, NaN))]))).toHaveLength(1);
    expect(problemsOf(covariance([matrix(1, 2, new Float64Array(2))]))).toHaveLength(1);
  });
});

describe('loraGaInit', () => {
  const gradients = () =>
    recordOf(Object.entries(golden.gradients).map(([n, g]) => [`${n}.weight`, tensor(g)] as const));

  const magnitudes = (values: Iterable<number>): Float64Array => Float64Array.from(values, Math.abs);

  it.each(golden.lora_ga.map((c) => [c.direction, c.scale, c.start] as const))(
    'starts where PEFT does: %s, %s',
    async (direction, scale, start) => {
      const given = await loraGaInit(config, options(), gradients(), torchGenerator(7), { direction, scale });
      const { adapter, residual } = right(given);
      const taken = await products(adapter);
      for (const [module, { A, B, W }] of Object.entries(start)) {
        // each triplet has two signs, and A and B take different ones
        expect(magnitudes(await read(factor(adapter, module, 'A')))).toBeAllClose(magnitudes(A.data), close);
        expect(magnitudes(await read(factor(adapter, module, 'B')))).toBeAllClose(magnitudes(B.data), close);
        const left = await residualOf({ adapter, residual }, module);
        if (direction === 'random') expect(left, module).toBeAllClose(W.data, close);
        const turned = module === 'b' || module === 'd';
        const [rows, columns] = W.shape as [number, number];
        const restored = left.map(
          (x, i) => x + taken[module]![turned ? (i % columns) * rows + Math.floor(i / columns) : i]!,
        );
        expect(restored, module).toBeAllClose(golden.weights[module]!.data, close);
      }
    },
  );

  it('refuses gradients that are missing or of another shape, and ranks without two triplets each', async () => {
    const { 'c.weight': c, ...less } = gradients();
    expect(await why(loraGaInit(config, options(), less, torchGenerator(7)))).toContain('gradients: c.weight');
    const turned = { ...less, 'c.weight': tf.transpose(c as Tensor) };
    expect(await why(loraGaInit(config, options(), turned, torchGenerator(7)))).toContain('[10, 7]');
    expect(await why(loraGaInit({ ...config, r: 4 }, options(), gradients(), torchGenerator(7)))).toContain(
      'at most 3',
    );
  });
});

describe('every start', () => {
  it('is deterministic and changes nothing that it was given', async () => {
    const given = options();
    const copies = mapRecord(given.weights, (W) => tf.clone(W));
    const [one, two] = [right(await pissaInit(config, given)), right(await pissaInit(config, given))];
    expect(await residualOf(one, 'a')).toEqual(await residualOf(two, 'a'));
    for (const [name, W] of Object.entries(given.weights)) expect(await read(W)).toEqual(await read(copies[name]!));
    expect(spec.modules).toHaveLength(5);
  });
});

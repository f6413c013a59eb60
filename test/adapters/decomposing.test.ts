import { describe, expect, it, vi } from 'vitest';
import { decompositionWarnings, weightShapes } from '../../src/adapters/decomposing.js';
import { decodeConfig } from '../../src/adapters/config.js';
import { init } from '../../src/adapters/init.js';
import { cordaInit } from '../../src/adapters/inits/corda.js';
import { loftqInit } from '../../src/adapters/inits/loftq.js';
import { oloraInit } from '../../src/adapters/inits/olora.js';
import { adamss } from '../../src/adapters/methods/adamss.js';
import { frod } from '../../src/adapters/methods/frod.js';
import { lora } from '../../src/adapters/methods/lora/lora.js';
import { osf } from '../../src/adapters/methods/osf.js';
import { tinylora } from '../../src/adapters/methods/tinylora.js';
import type { InitProgress, Method } from '../../src/adapters/method.js';
import { E } from '../../src/fp.js';
import { dispose } from '../../src/ops/backend.js';
import { secondsOfSvd, useNativeLinalg } from '../../src/ops/linalg/index.js';
import { fail, renderProblems } from '../../src/problem.js';
import { key, normal } from '../../src/ops/random.js';
import { problemsOf, right } from '../setup/result.js';
import { linearOf, modelOf } from './methods/trial.js';

const large = modelOf(linearOf('layers.0.a', 4096, 2048), linearOf('layers.1.a', 2048, 2048), linearOf('b', 3, 2));
const size = secondsOfSvd(4096, 2048) + secondsOfSvd(2048, 2048);

/** The warnings of a config on the large model, whose file has some tensors. */
const warningsOf = (
  method: Method,
  fields: Readonly<Record<string, unknown>>,
  has: (name: string) => boolean = () => true,
): ReadonlyArray<string> => {
  const decoded = decodeConfig(method.fields, { peft_type: method.peftType, target_modules: ['a'], ...fields });
  if (E.isLeft(decoded)) throw new Error(renderProblems(decoded.left));
  const layout = method.layout(decoded.right.config, { spec: large, targets: method.targets, has });
  return E.isRight(layout) ? layout.right.warnings.filter((w) => w.includes('exactly')) : ['no layout'];
};

describe('the start of an adapter that decomposes weights', () => {
  const small = modelOf(linearOf('layers.0.a', 5, 4), linearOf('layers.1.a', 4, 6));
  const weights = { 'layers.0.a.weight': normal(key(1), [5, 4]), 'layers.1.a.weight': normal(key(2), [4, 6]) };
  const steps = [
    { module: 'layers.0.a', done: 1, total: 2 },
    { module: 'layers.1.a', done: 2, total: 2 },
  ];

  const ofBiases = steps.flatMap(({ module, done }) => [-1, 0].map((d) => ({ module, done: 2 * done + d, total: 4 })));

  it.each<readonly [string, Method, Readonly<Record<string, unknown>>, ReadonlyArray<InitProgress>]>([
    ['OSF', osf, {}, steps],
    ['PiSSA', lora, { r: 2, init_lora_weights: 'pissa' }, steps],
    ['AdaMSS, which changes biases too', adamss, { r: 3, num_subspaces: 2 }, ofBiases],
    ['TinyLoRA', tinylora, { r: 2 }, steps],
  ])('tells what is worth telling, then of each site: %s', (_, method, fields, expected) => {
    const told: unknown[] = [];
    const onWarning = (warning: string): void => void told.push(warning.includes('unheard_of'));
    const onProgress = (progress: InitProgress): void => void told.push(progress);
    const given = { target_modules: ['a'], unheard_of: 1, ...fields };
    const leaf = right(init(method, given, { spec: small, key: key(3), weights, onWarning, onProgress }));
    expect(told).toEqual([true, ...expected]);
    dispose(leaf.params);
  });

  it('tells of layers as it finds their start', async () => {
    const onProgress = vi.fn();
    const started = right(
      await loftqInit({ r: 2, target_modules: ['a'] }, { spec: small, key: key(3), weights, onProgress }),
    );
    expect(onProgress.mock.calls).toEqual(steps.map((step) => [step]));
    dispose(started.adapter.params);
    dispose(started.residual, { keep: weights });
  });

  it('tells how long it takes before anything else', async () => {
    const onWarning = vi.fn();
    const options = { spec: large, key: key(3), weights: {}, onWarning };
    problemsOf(init(osf as Method, { target_modules: ['a'] }, options));
    problemsOf(await loftqInit({ r: 2, target_modules: ['a'] }, options));
    problemsOf(await cordaInit({ r: 2, target_modules: ['a'] }, options, {}));
    expect(onWarning.mock.calls).toEqual(
      Array(3).fill([expect.stringContaining('2 matrices up to [4096, 2048] exactly')]),
    );
    onWarning.mockClear();
    problemsOf(await oloraInit({ r: 2, target_modules: ['a'] }, options));
    expect(onWarning).not.toHaveBeenCalled();
  });
});

describe('a decomposition that takes long', () => {
  it('is told of with its size, its time and what is faster', () => {
    const [warning, ...others] = decompositionWarnings([
      [4096, 4096],
      [4096, 4096],
      [64, 64],
    ]);
    expect(others).toEqual([]);
    expect(warning).toMatch(/3 matrices up to \[4096, 4096\] exactly, about \d+ min/);
    expect(warning).toContain("useBackend('wasm', { gemm: 'native' })");
    expect(decompositionWarnings(Array(400).fill([4096, 4096]))[0]).toMatch(/about \d+ h/);
    expect(decompositionWarnings([[2048, 2048]])[0]).toMatch(/a matrix \[2048, 2048\] exactly, about \d\d s/);
  });

  it('goes by the time of all of them, and short ones are not worth a word', () => {
    expect(decompositionWarnings([])).toEqual([]);
    expect(decompositionWarnings([[512, 512]])).toEqual([]);
    expect(decompositionWarnings(Array(100).fill([512, 512]))).toHaveLength(1);
    expect(secondsOfSvd(512, 2048)).toBeCloseTo(4 * secondsOfSvd(512, 512));
    expect(secondsOfSvd(2048, 512)).toBe(secondsOfSvd(512, 2048));
    expect(size).toBeGreaterThan(20);
  });

  it('is not told of where a native library does it', () => {
    const diverging = () => fail('svd', 'convergence', 'none');
    useNativeLinalg({ svd: diverging, eigh: diverging, solve: () => undefined, addProduct: () => false });
    expect(decompositionWarnings([[4096, 4096]])).toEqual([]);
    useNativeLinalg(undefined);
    expect(decompositionWarnings([[4096, 4096]])).toHaveLength(1);
  });

  it('knows the weights of the sites', () => {
    const site = { key: 'b.weight', stored: ['b.weight'], module: 'b', tensors: {}, detail: null };
    expect(weightShapes(large, [site, { ...site, module: 'none' }])).toEqual([[3, 2]]);
  });

  it('is told of by the methods that decompose whole weights', () => {
    expect(warningsOf(osf as never, {})[0]).toContain('2 matrices up to [4096, 2048]');
    expect(warningsOf(osf as never, { target_modules: ['b'] })).toEqual([]);
    expect(warningsOf(lora as never, { kasa_config: { beta: 0, gamma: 0 } })[0]).toContain(
      '2 matrices up to [4096, 2048]',
    );
    expect(warningsOf(lora as never, {})).toEqual([]);
    // one basis for both layers, unless the file has it
    expect(warningsOf(frod as never, {}, () => false)[0]).toContain('a matrix [2048, 2048]');
    expect(warningsOf(frod as never, { save_projection: false })[0]).toContain('a matrix [2048, 2048]');
    expect(warningsOf(frod as never, {})).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import { decompositionWarnings, weightShapes } from '../../src/adapters/decomposing.js';
import { decodeConfig } from '../../src/adapters/config.js';
import { frod } from '../../src/adapters/methods/frod.js';
import { lora } from '../../src/adapters/methods/lora/lora.js';
import { osf } from '../../src/adapters/methods/osf.js';
import type { Method } from '../../src/adapters/method.js';
import { E } from '../../src/fp.js';
import { secondsOfSvd, useNativeLinalg } from '../../src/ops/linalg/index.js';
import { fail, renderProblems } from '../../src/problem.js';
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
    useNativeLinalg({ svd: () => fail('svd', 'convergence', 'none'), addProduct: () => false });
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

import { describe, expect, it } from 'vitest';
import { evaInit } from '../../../src/adapters/inits/eva.js';
import { read } from '../../../src/ops/backend.js';
import { matrix, type Matrix } from '../../../src/ops/linalg/index.js';
import { normalValues, key } from '../../../src/ops/random.js';
import { mapRecord } from '../../../src/ops/tensor.js';
import { problemsOf, right } from '../../setup/result.js';
import { config, factor, golden, hostMatrix, options, weights, type Stored } from './starts.js';

const inputs = mapRecord(golden.inputs, (batches) => batches.map(hostMatrix));
const asked = { ...config, r: 3, lora_alpha: 6 };

const why = async (given: object, activations: Readonly<Record<string, ReadonlyArray<Matrix>>>): Promise<string> =>
  problemsOf(await evaInit({ ...asked, ...given }, options(), activations))
    .map((p) => `${p.at}: ${p.expected} / ${p.found}`)
    .join('\n');

/** Rows of norm 1. */
const unit = ({ shape, data }: Stored): ReadonlyArray<number> => {
  const n = shape[1] as number;
  return data.map((x, i) => {
    const row = data.slice(Math.floor(i / n) * n, (Math.floor(i / n) + 1) * n);
    return x / Math.hypot(...row);
  });
};

describe('evaInit', () => {
  it.each([
    ['eva', {}],
    ['eva_whitened', { whiten: true, adjust_scaling_factors: false, rho: 1.5 }],
  ] as const)("gives PEFT's ranks and directions: %s", async (name, eva_config) => {
    const expected = golden[name];
    const { adapter } = right(await evaInit({ ...asked, eva_config }, options(), inputs));
    const { rank_pattern, alpha_pattern, init_lora_weights } = adapter.config as unknown as typeof expected & {
      readonly init_lora_weights: unknown;
    };
    expect({ rank_pattern, alpha_pattern, init_lora_weights }).toEqual({
      rank_pattern: expected.rank_pattern,
      alpha_pattern: expected.alpha_pattern,
      init_lora_weights: 'eva',
    });
    for (const [module, { A, s }] of Object.entries(expected.start)) {
      const found = factor(adapter, module, 'A');
      expect(found.shape).toEqual(A.shape);
      // PEFT whitens in place, so the directions that a and e share are divided twice there
      const twice = name === 'eva_whitened' && (module === 'a' || module === 'e');
      const rows = twice ? unit(A) : A.data;
      const ours = await read(found);
      expect(twice ? unit({ ...A, data: [...ours] }) : ours, module).toBeAllClose(rows, { rtol: 1e-3, atol: 1e-3 });
      expect((await read(factor(adapter, module, 'B'))).every((x) => x === 0)).toBe(true);
      expect(adapter.sites.find((site) => site.module === module)?.detail).toMatchObject({ s });
    }
  });

  it('leaves the base as it is', async () => {
    const given = options();
    const { residual } = right(await evaInit(asked, given, inputs));
    for (const name of Object.keys(weights())) expect(residual[name]).toBe(given.weights[name]);
  });

  it('takes the adapter off a layer whose inputs do not vary', async () => {
    const still = Array.from({ length: 2 }, (_, i) =>
      matrix(
        40,
        10,
        normalValues(key(i), 400).map((x) => 1e-4 * x),
      ),
    );
    const loud = inputs['a']!.map((X) =>
      matrix(
        X.rows,
        X.cols,
        X.data.map((x, i) => x / [3, 2, 1.5, 1, 0.5, 0.3, 0.2, 0.1][i % 8]!),
      ),
    );
    // one direction makes up all of c's variance, so the seven others of its eight are worth nothing
    const line = still.map((X) =>
      matrix(
        X.rows,
        10,
        X.data.map((x, i) => (i % 10 === 0 ? 1e4 * x : x)),
      ),
    );
    const { adapter } = right(
      await evaInit({ ...asked, r: 2, target_modules: ['a', 'c'] }, options(), { a: loud, c: line }),
    );
    expect(adapter.config).toMatchObject({ rank_pattern: { a: 3, c: 1 } });
  });

  it('refuses missing, narrow, short and broken inputs, and more directions than features', async () => {
    const { a, ...less } = inputs;
    expect(await why({}, less)).toContain('activations: a');
    expect(await why({}, { ...less, a: inputs['b']! })).toContain('finite batches [tokens, 8]');
    expect(await why({}, { ...less, a: [matrix(3, 8, new Float64Array(24))] })).toContain('at least 6 tokens');
    expect(await why({}, { ...less, a: [matrix(9, 8, new Float64Array(72).fill(NaN))] })).toContain('finite');
    expect(await why({ eva_config: { rho: 3 } }, { ...less, a: a! })).toContain('at most 8 directions');
  });

  it('gives up on directions that never settle', async () => {
    const noise = Array.from({ length: 7 }, (_, i) => matrix(8, 8, normalValues(key(40 + i), 64)));
    expect(await why({ r: 1, target_modules: ['a'], eva_config: { tau: 1.1 } }, { a: noise })).toContain('still turn');
  });
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as t from 'io-ts';
import { decodeWith } from '../../../src/io/decode.js';
import { attentionFactor, frequencies, type Rope } from '../../../src/models/layers/rope.js';
import { rotationOf } from '../../../src/models/layers/rotate.js';
import { decodeRope, ropeFields } from '../../../src/models/rope-config.js';
import { E } from '../../../src/fp.js';
import { read, tensorOf } from '../../../src/ops/backend.js';
import { rotateHeads } from '../../../src/ops/rotate-heads.js';

/** Frequencies, cosines and sines (of the first half of the channels) that transformers 5.18 computes. */
interface RopeCase {
  readonly name: string;
  readonly config: Readonly<Record<string, number>>;
  readonly positions: ReadonlyArray<number>;
  readonly frequencies: ReadonlyArray<number>;
  readonly attentionFactor: number;
  readonly cos: ReadonlyArray<ReadonlyArray<number>>;
  readonly sin: ReadonlyArray<ReadonlyArray<number>>;
}

const cases = JSON.parse(
  readFileSync(new URL('../../golden/models/rope.json', import.meta.url), 'utf8'),
) as ReadonlyArray<RopeCase>;

const headDim = 16;

const decode = (config: object, maxPositions = 64) =>
  E.chain((f: t.TypeOf<t.TypeC<typeof ropeFields>>) => decodeRope(f, headDim, maxPositions))(
    decodeWith(t.type(ropeFields), config, 'config.json'),
  );

const ropeOf = ({ config }: RopeCase): Rope => {
  const rope = decode(config, config['max_position_embeddings']);
  if (E.isLeft(rope)) throw new TypeError(JSON.stringify(rope.left));
  return rope.right;
};

const problemsOf = (config: object) => {
  const rope = decode(config);
  return E.isLeft(rope) ? rope.left.map((p) => p.at) : [];
};

describe('frequencies', () => {
  it.each(cases)('$name: as transformers has them', (c) => {
    const rope = ropeOf(c);
    const found = frequencies(rope, Math.max(...c.positions) + 1);
    expect(found).toHaveLength(headDim / 2);
    found.forEach((f, i) => expect(Math.abs(f / (c.frequencies[i] as number) - 1)).toBeLessThan(3e-7));
    expect(attentionFactor(rope)).toBeCloseTo(c.attentionFactor, 12);
  });
});

describe('rotation', () => {
  it.each(cases)('$name: cosines and sines of transformers', async (c) => {
    const { cos, sin } = rotationOf(ropeOf(c), [c.positions]);
    expect(cos.shape).toEqual([1, 1, c.positions.length, headDim]);
    // float32 frequencies may differ in the last bit, and angles grow with the position
    const atol = 1e-6 + 1.2e-7 * Math.max(...c.positions);
    expect(await read(cos)).toBeAllClose(
      c.cos.flatMap((row) => [...row, ...row]),
      { atol },
    );
    expect(await read(sin)).toBeAllClose(
      c.sin.flatMap((row) => [...row.map((x) => -x), ...row]),
      { atol },
    );
  });

  it('turns the pair (i, i + dim / 2) by position times frequency and keeps the other channels', async () => {
    const rope: Rope = { theta: 100, dim: 4, scaling: { _tag: 'Default' } };
    const x = [1, 2, 3, 4, 5, 6];
    const y = await read(rotateHeads(tensorOf(Float32Array.from(x), [1, 1, 1, 6]), rotationOf(rope, [[3]])));
    const turn = (i: number, angle: number) => {
      const [a, b] = [x[i] as number, x[i + 2] as number];
      return [a * Math.cos(angle) - b * Math.sin(angle), b * Math.cos(angle) + a * Math.sin(angle)];
    };
    const [p, q] = [turn(0, 3), turn(1, 0.3)];
    expect(y).toBeAllClose([p[0], q[0], p[1], q[1], 5, 6] as number[]);
  });

  it('has one row of positions for each sequence', async () => {
    const rope: Rope = { theta: 100, dim: 4, scaling: { _tag: 'Default' } };
    const both = await read(
      rotationOf(rope, [
        [0, 1],
        [5, 6],
      ]).cos,
    );
    const second = await read(rotationOf(rope, [[5, 6]]).cos);
    expect(both.slice(8)).toEqual(second);
  });
});

describe('decodeRope', () => {
  it('rotates a part of the channels with partial_rotary_factor', () => {
    expect(decode({ partial_rotary_factor: 0.5, rope_theta: 10 })).toEqual(
      E.right({ theta: 10, dim: 8, scaling: { _tag: 'Default' } }),
    );
  });

  it('lets rope_scaling win over rope_parameters, unless it is empty', () => {
    const rope_parameters = { rope_type: 'linear', factor: 2 };
    const linear = (factor: number) => E.right({ theta: 10000, dim: 16, scaling: { _tag: 'Linear', factor } });
    expect(decode({ rope_parameters, rope_scaling: { type: 'linear', factor: 4 } })).toEqual(linear(4));
    expect(decode({ rope_parameters, rope_scaling: {} })).toEqual(linear(2));
    expect(decode({ rope_parameters, rope_scaling: null })).toEqual(linear(2));
  });

  it.each<[string, object, ReadonlyArray<string>]>([
    ['an unknown kind', { rope_scaling: { type: 'mrope' } }, ['config.json: rope_scaling.rope_type']],
    [
      'absent factors',
      { rope_parameters: { rope_type: 'llama3', factor: 8 } },
      ['low', 'high'].map((s) => `config.json: rope_parameters.${s}_freq_factor`),
    ],
    [
      'a wrong type',
      { rope_parameters: { rope_type: 'linear', factor: 'two' } },
      ['config.json: rope_parameters.factor'],
    ],
    [
      'factors of another length',
      { rope_parameters: { rope_type: 'longrope', short_factor: [1], long_factor: [1, 2, 3, 4, 5, 6, 7, 8] } },
      ['config.json: rope_parameters.short_factor'],
    ],
    [
      'parameters for each layer type',
      { rope_parameters: { full_attention: { rope_type: 'default' } } },
      ['config.json: rope_parameters'],
    ],
    [
      'an odd number of channels, and an absent factor with it',
      { rope_parameters: { rope_type: 'linear', partial_rotary_factor: 0.32 } },
      ['config.json: head_dim', 'config.json: rope_parameters.factor'],
    ],
  ])('names %s', (_, config, at) => {
    expect(problemsOf(config)).toEqual(at);
  });
});

/**
 * WaveFT: W' = W + scaling S, the inverse wavelet transform of a matrix that is zero but for n trained coefficients c at
 * places that a seed chooses; without the transform the change is that sparse matrix itself.
 *
 * Bilican et al., "Exploring Sparsity for Parameter Efficient Fine Tuning Using Wavelets", https://arxiv.org/abs/2505.12532
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';
import { normal } from '../../ops/random.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { torchGenerator, torchRandperm } from '../../ops/torch-random/index.js';
import { bankOf, waveletBank, waveletNames, type FilterBank } from '../../ops/wavelets/filters.js';
import { synthesize, type Axis, type Coefficients } from '../../ops/wavelets/synthesis.js';
import { all, fail, orProblems, unsupported, type Result } from '../../problem.js';
import { field, floatField, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { Method } from '../method.js';
import { featuresOf, moduleLayout, restructureSaved, unfit, weightPart, type Features } from '../module-layout.js';
import { remembered } from '../remembered.js';
import type { Part } from '../site.js';
import { changed, loraTargets } from '../targets/defaults.js';
import { patternValues, type PatternValues } from '../targets/rank-pattern.js';
import {
  byPattern,
  layerProblems,
  literals,
  positiveInt,
  targeting,
  torchSeed,
  trainedBias,
} from '../targeting-fields.js';
import { dense, type WeightUpdate } from '../update.js';

const fields = {
  ...targeting,
  ...trainedBias,
  fan_in_fan_out: field(t.boolean, false),
  init_weights: field(t.boolean, true),
  n_frequency: field(positiveInt, 2592),
  n_frequency_pattern: field(byPattern(positiveInt, 'numbers of coefficients'), {}),
  proportional_parameters: field(t.boolean, false),
  random_loc_seed: field(torchSeed, 777),
  scaling: floatField(t.number, 25),
  use_idwt: field(t.boolean, true),
  wavelet_family: field(literals(...waveletNames), 'db1'),
} as const satisfies Fields;

type WaveFtConfig = BaseConfig & Values<typeof fields>;

/** n places in a matrix [out, in]; sites of one shape share it. */
interface Detail extends Features {
  readonly seed: number;
  readonly n: number;
}

/** Python's round: halves go to the even side. */
const roundHalfEven = (x: number): number => {
  const below = Math.floor(x);
  return x - below === 0.5 ? below + (below % 2) : Math.round(x);
};

/** n of each layer: its share of the budget, its pattern's, or the same for all. */
const countOf = (c: WaveFtConfig, features: ReadonlyArray<Features>, patterns: PatternValues) => {
  const total = features.reduce((sum, f) => sum + f.in * f.out, 0);
  return (m: ModuleSpec, f: Features): number =>
    c.proportional_parameters
      ? Math.max(1, roundHalfEven(((f.in * f.out) / total) * (c.n_frequency * features.length)))
      : (patterns(m.name) ?? c.n_frequency);
};

const parts =
  (c: WaveFtConfig, spec: ModelSpec, patterns: PatternValues) =>
  (modules: ReadonlyArray<ModuleSpec>): Result<ReadonlyArray<Part<Detail>>> => {
    const features = modules.map((m) => featuresOf(m, c.fan_in_fan_out));
    const count = countOf(c, features, patterns);
    const shared = new Map<string, Detail>();
    return all(
      modules.map((m, i): Result<Part<Detail>> => {
        if (m.kind !== 'Linear' && m.kind !== 'Conv1D') return unfit(m, 'a Linear or Conv1D');
        const own = features[i] as Features;
        const [n, size] = [count(m, own), own.out * own.in];
        if (n > size)
          return fail('adapter_config.json: n_frequency', `at most the ${size} entries of ${m.name}`, String(n));
        if (size > 2 ** 31)
          return E.left([unsupported(`target_modules: ${m.name}`, `a weight of ${size} entries, more than 2^31`)]);
        const id = JSON.stringify([own, n]);
        const detail = shared.get(id) ?? { ...own, seed: c.random_loc_seed, n };
        shared.set(id, detail);
        return E.right(weightPart(spec, m, { c: ['waveft_spectrum', [n]] }, detail, 'additive'));
      }),
    );
  };

/** Rows and columns of the coefficients in a matrix [out, in]. */
const placesOf = remembered(({ seed, n, out, in: inputs }: Detail) => {
  const flat = torchRandperm(torchGenerator(seed), out * inputs, n);
  return { rows: flat.map((p) => Math.floor(p / inputs)), columns: flat.map((p) => p % inputs) };
});

/** An axis of the spectrum, which is longer than the weight's by L - 2, and even; the weight lies in its middle. */
const axisOf = (size: number, L: number): Axis & { readonly offset: number } => {
  const padded = size + L - 2 + (size % 2);
  return {
    bands: padded / 2,
    start: Math.floor((padded + 2 - L - size) / 2),
    size,
    offset: Math.floor((padded - size) / 2),
  };
};

/** Coefficients along one axis; the quadrants of the spectrum put the band of the rows into the columns and the other way round. */
const along = (axis: ReturnType<typeof axisOf>, places: Int32Array, high: Uint8Array): Coefficients => ({
  index: places.map((p) => (p + axis.offset) % axis.bands),
  high,
});

const isHigh = (axis: ReturnType<typeof axisOf>, places: Int32Array): Uint8Array =>
  Uint8Array.from(places, (p) => (p + axis.offset >= axis.bands ? 1 : 0));

/** PEFT's "coif4", whose table has slips; it is no orthogonal filter. */
const slippedCoif4: ReadonlyArray<number> = [
  0.000892313903, -0.00162949243, -0.00734616794, 0.0160667826, 0.0267923623, -0.0731429044, -0.0487707676, 0.427477884,
  0.78424917, 0.435461342, -0.0615536584, -0.0917654203, 0.0281156597, 0.0249452393, -0.0104171747, -0.00327027313,
  0.00201667751, 0.000660011297, -0.000179606232, -0.000159881987, 4.31103896e-5, 1.79144769e-5, -2.24142467e-6,
  -1.58950263e-6,
];

/** The filters of a family; with `likePeft` those of PEFT. */
const bankFor = (family: string, likePeft: boolean): FilterBank =>
  likePeft && family === 'coif4' ? bankOf(Float64Array.from(slippedCoif4)) : waveletBank(family);

const transform = (c: Tensor, detail: Detail, bank: FilterBank): Tensor => {
  const { rows, columns } = placesOf(detail);
  const [down, across] = [axisOf(detail.out, bank.low.length), axisOf(detail.in, bank.low.length)];
  return synthesize(
    c,
    bank,
    { axis: down, at: along(down, rows, isHigh(across, columns)) },
    { axis: across, at: along(across, columns, isHigh(down, rows)) },
  );
};

const update = (c: WaveFtConfig, detail: Detail, spectrum: Tensor, likePeft: boolean): WeightUpdate => {
  const { rows, columns } = placesOf(detail);
  if (!c.use_idwt) {
    const { out, in: inputs, transposed } = detail;
    const places = rows.map((row, i) => {
      const column = columns[i] as number;
      return transposed ? column * out + row : row * inputs + column;
    });
    return { _tag: 'Sparse', places, values: spectrum, s: c.scaling };
  }
  const delta = transform(tf.mul(spectrum, c.scaling), detail, bankFor(c.wavelet_family, likePeft));
  return dense(detail.transposed ? tf.transpose(delta) : delta);
};

/** WaveFT. */
export const waveft: Method<WaveFtConfig, Detail> = {
  peftType: 'WAVEFT',
  reference: 'https://arxiv.org/abs/2505.12532',
  fields,
  targets: {
    defaults: changed(loraTargets, { gpt2: ['mlp.c_proj'], gpt_bigcode: ['mlp.c_proj'] }, ['btlm', 'rwkv', 'rwkv7']),
  },
  validate: (c) => orProblems(layerProblems(c), () => c),
  restructure: restructureSaved,
  layout: (c, context) =>
    E.chain((patterns: PatternValues) => moduleLayout(c, context, parts(c, context.spec, patterns)))(
      patternValues(c.n_frequency_pattern, 'n_frequency_pattern'),
    ),
  init: (c, { layout, key, weights }) =>
    initParams(layout, key, weights, (_site, _role, k, shape) =>
      E.right(c.init_weights ? tf.zeros([...shape]) : normal(k, shape, 0, 0.01)),
    ),
  update: (c, { detail }, { c: spectrum }, { likePeft }) => update(c, detail, spectrum as Tensor, likePeft),
};

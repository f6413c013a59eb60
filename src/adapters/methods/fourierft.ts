/**
 * FourierFT: W' = W + scaling Re(F^-1(S)), the inverse Fourier transform of a matrix S [out, in] that is zero but for k
 * trained coefficients c at places (u, v) that a seed chooses.
 *
 * Re(F^-1(S))[p, q] = 1 / (out in) sum_j c_j cos(2 pi (u_j p / out + v_j q / in)). Merged, it is one fast transform. Beside the
 * weight it stays a product of rank 2k, since cos(a + b) = cos a cos b - sin a sin b: [cos(2 pi u p / out), -sin(...)] times
 * c [cos(2 pi v q / in); sin(...)].
 *
 * Gao et al., "Parameter-Efficient Fine-Tuning with Discrete Fourier Transform", https://arxiv.org/abs/2405.03003
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';
import { tensorOf } from '../../ops/backend.js';
import { inverseDft2 } from '../../ops/linalg/index.js';
import { normal } from '../../ops/random.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { torchGenerator, torchRandperm } from '../../ops/torch-random/index.js';
import { fail, orProblems, unsupported, type Result } from '../../problem.js';
import { field, floatField, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { Method } from '../method.js';
import { featuresOf, eachModule, moduleLayout, restructureSaved, unfit, weightPart } from '../module-layout.js';
import { remembered } from '../remembered.js';
import type { Part } from '../site.js';
import { changed, loraTargets } from '../targets/defaults.js';
import { patternValues, type PatternValues } from '../targets/rank-pattern.js';
import { byPattern, layerProblems, positiveInt, targeting, torchSeed, trainedBias } from '../targeting-fields.js';
import { dense, lowRank } from '../update.js';

const fields = {
  ...targeting,
  ...trainedBias,
  fan_in_fan_out: field(t.boolean, false),
  init_weights: field(t.boolean, false),
  n_frequency: field(positiveInt, 1000),
  n_frequency_pattern: field(byPattern(positiveInt, 'numbers of frequencies'), {}),
  random_loc_seed: field(torchSeed, 777),
  scaling: floatField(t.number, 150),
} as const satisfies Fields;

type FourierFtConfig = BaseConfig & Values<typeof fields>;

/** k places in a spectrum [out, in], and the layout of the weight that they stand for; sites of one shape share it. */
interface Detail {
  readonly seed: number;
  readonly k: number;
  readonly out: number;
  readonly in: number;
  readonly transposed: boolean;
}

/** PEFT asks for a dot before a pattern; a whole name stands for itself. */
const afterDot = (pattern: string): string => `.*\\.${pattern}$`;

const parts = (c: FourierFtConfig, spec: ModelSpec, frequencies: PatternValues) => {
  const shared = new Map<string, Detail>();
  return (m: ModuleSpec): Result<ReadonlyArray<Part<Detail>>> => {
    if (m.kind !== 'Linear' && m.kind !== 'Conv1D') return unfit(m, 'a Linear or Conv1D');
    const k = frequencies(m.name) ?? c.n_frequency;
    const own: Detail = { seed: c.random_loc_seed, k, ...featuresOf(m, c.fan_in_fan_out) };
    const size = own.out * own.in;
    if (k > size)
      return fail('adapter_config.json: n_frequency', `at most the ${size} entries of ${m.name}`, String(k));
    if (size > 2 ** 31)
      return E.left([unsupported(`target_modules: ${m.name}`, `a weight of ${size} entries, more than 2^31`)]);
    const id = JSON.stringify(own);
    const detail = shared.get(id) ?? own;
    shared.set(id, detail);
    const tensors = { c: ['fourierft_spectrum', [k]] } as const;
    return E.right([weightPart(spec, m, tensors, detail, 'additive')]);
  };
};

/** cos and sin of 2 pi f x / n, for every x < n, from one turn of n values: f x is taken modulo n, where it is exact. */
const waves = (frequencies: Int32Array, n: number): ((j: number, x: number) => readonly [cos: number, sin: number]) => {
  const angle = (i: number): number => (2 * Math.PI * i) / n;
  const cos = Float64Array.from({ length: n }, (_, i) => Math.cos(angle(i)));
  const sin = Float64Array.from({ length: n }, (_, i) => Math.sin(angle(i)));
  return (j, x) => {
    const i = ((frequencies[j] as number) * x) % n;
    return [cos[i] as number, sin[i] as number];
  };
};

/** The k places in the spectrum. */
const placesOf = remembered(({ seed, k, out, in: inputs }: Detail) => {
  const places = torchRandperm(torchGenerator(seed), out * inputs, k);
  return { rows: places.map((p) => Math.floor(p / inputs)), cols: places.map((p) => p % inputs) };
});

/** The constant factors for a weight [m, n] as it is stored: left [m, 2k] = [cos, -sin] and right [2k, n] = [cos; sin]. */
const tables = remembered((detail: Detail) => {
  const { k, out, in: inputs, transposed } = detail;
  const { rows: u, cols: v } = placesOf(detail);
  const [m, n] = transposed ? [inputs, out] : [out, inputs];
  const [rows, columns] = [waves(transposed ? v : u, m), waves(transposed ? u : v, n)];
  const left = new Float32Array(m * 2 * k);
  const right = new Float32Array(2 * k * n);
  for (let j = 0; j < k; j++) {
    for (let p = 0; p < m; p++) {
      const [cos, sin] = rows(j, p);
      left[p * 2 * k + j] = cos;
      left[p * 2 * k + k + j] = -sin;
    }
    for (let q = 0; q < n; q++) {
      const [cos, sin] = columns(j, q);
      right[j * n + q] = cos;
      right[(k + j) * n + q] = sin;
    }
  }
  return { left, right, m, n };
});

/** FourierFT. */
export const fourierft: Method<FourierFtConfig, Detail> = {
  peftType: 'FOURIERFT',
  reference: 'https://arxiv.org/abs/2405.03003',
  fields,
  targets: { defaults: changed(loraTargets, { gpt2: ['mlp.c_proj'], gpt_bigcode: ['mlp.c_proj'] }) },
  validate: (c) => orProblems(layerProblems(c), () => c),
  restructure: restructureSaved,
  layout: (c, context) =>
    E.chain((frequencies: PatternValues) => moduleLayout(c, context, eachModule(parts(c, context.spec, frequencies))))(
      patternValues(c.n_frequency_pattern, 'n_frequency_pattern', afterDot),
    ),
  init: (c, { layout, key, weights }) =>
    initParams(layout, key, weights, (_site, _role, k, shape) =>
      E.right(c.init_weights ? tf.zeros([...shape]) : normal(k, shape)),
    ),
  update: (c, { detail }, { c: spectrum }, { reading }) => {
    const { k, out, in: inputs } = detail;
    if (reading !== 'attached') {
      // either layout has the same bits: the transform is that of [out, in]
      const delta = inverseDft2(tf.mul(spectrum as Tensor, c.scaling), placesOf(detail), out, inputs);
      return dense(detail.transposed ? tf.transpose(delta) : delta);
    }
    const { left, right, m, n } = tables(detail);
    const twice = tf.tile(tf.reshape(spectrum as Tensor, [k, 1]), [2, 1]);
    const A = tf.mul(twice, tensorOf(right, [2 * k, n]));
    return lowRank(tensorOf(left, [m, 2 * k]), A, c.scaling / (out * inputs));
  },
};

/**
 * LoftQ: the base is quantised, and the adapter starts with the best low-rank part of what that loses.
 *
 * Li et al., "LoftQ: LoRA-Fine-Tuning-Aware Quantization for Large Language Models", https://arxiv.org/abs/2310.08659
 */
import { E } from '../../fp.js';
import { leading, matrix, multiply, svd, transposed, type Matrix } from '../../ops/linalg/index.js';
import { throughInt8, throughNf4 } from '../../ops/quantized.js';
import { orProblems, problem, type Problem, type Result } from '../../problem.js';
import { balanced } from '../methods/lora/factors.js';
import { rankProblem } from './pissa.js';
import { startFrom, type Found, type LinearStart, type Started, type StartOptions } from './started.js';

/** PEFT's LoftQConfig. */
export interface LoftqOptions {
  /** 4: nf4 in blocks of 64 as the weight is stored; 8: int8 row by row. */
  readonly loftq_bits?: 4 | 8;
  /** How often the weight without its low-rank part is quantised again. */
  readonly loftq_iter?: number;
}

const minus = (A: Matrix, B: Matrix): Matrix =>
  matrix(
    A.rows,
    A.cols,
    Float64Array.from(A.data, (x, i) => x - (B.data[i] as number)),
  );

/** X [out, in] through the quantised type, in the order in which the weight is stored. */
const quantised = (X: Matrix, bits: 4 | 8, turned: boolean): Matrix => {
  const stored = turned ? transposed(X) : X;
  const values = bits === 4 ? throughNf4(Float32Array.from(stored.data)) : throughInt8(stored);
  const Q = matrix(stored.rows, stored.cols, values);
  return turned ? transposed(Q) : Q;
};

/**
 * Q and s B A ~ W - Q, found in turns: Q = quantised(W - s B A), s B A = the r leading triplets of W - Q.
 *
 * The triplets' values are divided by s, so that Q + s B A is close to W whatever alpha is.
 */
export const loftqFactors = (
  { W, r, s, transposed: turned }: LinearStart,
  { loftq_bits: bits = 4, loftq_iter: turns = 1 }: LoftqOptions,
): Found => {
  const round = (left: Matrix): Found => {
    const base = quantised(left, bits, turned);
    return { ...balanced(leading(svd(minus(W, base)), r), s), base };
  };
  return Array.from({ length: turns - 1 }).reduce<Found>((found) => {
    const part = multiply(found.B, found.A);
    return round(minus(W, { ...part, data: part.data.map((x) => s * x) as Float64Array }));
  }, round(W));
};

const optionProblems = ({ loftq_bits = 4, loftq_iter = 1 }: LoftqOptions): ReadonlyArray<Problem> => [
  ...([4, 8].includes(loftq_bits) ? [] : [problem('loftq_bits', '4 or 8', String(loftq_bits))]),
  ...(Number.isInteger(loftq_iter) && loftq_iter > 0
    ? []
    : [problem('loftq_iter', 'an integer greater than 0', String(loftq_iter))]),
];

/**
 * A LoRA adapter beside a base whose linear layers are quantised and turned back.
 *
 * @param config fields of LoraConfig; `loftq_config` gives the options
 */
export const loftqInit = (
  config: Readonly<Record<string, unknown>>,
  options: StartOptions,
): Promise<Result<Started>> => {
  const choice = (config['loftq_config'] ?? {}) as LoftqOptions;
  const checked = orProblems(optionProblems(choice), () => choice);
  return E.isLeft(checked)
    ? Promise.resolve(checked)
    : startFrom(
        { ...config, loftq_config: {} },
        options,
        async (layer) => rankProblem(layer) ?? E.right(loftqFactors(layer, choice)),
        { exact: true },
      );
};

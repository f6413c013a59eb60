/**
 * LoRA-GA: the adapter starts along the gradient of the weights, and the base gives up what the adapter adds.
 *
 * Wang et al., "LoRA-GA: Low-Rank Adaptation with Gradient Approximation", https://arxiv.org/abs/2407.05000
 */
import { E } from '../../fp.js';
import {
  matrix,
  matrixOf,
  svdLowRank,
  tensorOfMatrix,
  transposed,
  type Matrix,
  type Svd,
} from '../../ops/linalg/index.js';
import { sameShape, showShape, lookup, type Weights } from '../../ops/tensor.js';
import { svdLowrankTestMatrix, torchRandperm, type TorchGenerator } from '../../ops/torch-random/index.js';
import { fail, type Result } from '../../problem.js';
import { scaleColumns, scaleRows } from '../methods/lora/factors.js';
import { startFrom, type Found, type LinearStart, type Started, type StartOptions } from './started.js';

/** Which of the gradient's 2 r leading triplets A and B take, and how they are scaled. */
export interface LoraGaOptions {
  /** A takes the odd or the last or the first r, B the others; "random": both the same r of them. */
  readonly direction?: 'ArBr' | 'A2rBr' | 'ArB2r' | 'random';
  readonly scale?: 'stable' | 'weight_svd' | 'gd_scale' | 'unit';
  readonly stable_gamma?: number;
}

/** `torch.svd_lowrank` with four power iterations. */
const lowRankOf = async (X: Matrix, q: number, generator: TorchGenerator): Promise<Svd> => {
  const tensor = tensorOfMatrix(X);
  const test = svdLowrankTestMatrix(generator, X.rows, X.cols, q);
  const found = await svdLowRank(tensor, matrix(test.length / q, q, test), 4);
  tensor.dispose();
  return found;
};

const range = (from: number, count: number, step = 1): ReadonlyArray<number> =>
  Array.from({ length: count }, (_, i) => from + step * i);

/** Indices of the triplets whose right vectors A takes and whose left vectors B takes. */
const chosen = (
  direction: NonNullable<LoraGaOptions['direction']>,
  r: number,
  generator: TorchGenerator,
): { readonly a: ReadonlyArray<number>; readonly b: ReadonlyArray<number> } => {
  switch (direction) {
    case 'ArBr':
      return { a: range(1, r, 2), b: range(0, r, 2) };
    case 'A2rBr':
      return { a: range(r, r), b: range(0, r) };
    case 'ArB2r':
      return { a: range(0, r), b: range(r, r) };
    case 'random': {
      const both = Array.from(torchRandperm(generator, 2 * r)).slice(0, r);
      return { a: both, b: both };
    }
  }
};

const rowsOf = (X: Matrix, at: ReadonlyArray<number>): Matrix =>
  matrix(
    at.length,
    X.cols,
    Float64Array.from(at.flatMap((i) => Array.from(X.data.slice(i * X.cols, (i + 1) * X.cols)))),
  );

/**
 * A and B from the gradient G [out, in] of a weight.
 *
 * @param stored rows of the weight as it is stored: out, or in for a Conv1D
 */
export const loraGaFactors = async (
  { W, r, s, transposed: turned }: LinearStart,
  G: Matrix,
  { direction = 'ArB2r', scale = 'stable', stable_gamma = 16 }: LoraGaOptions,
  generator: TorchGenerator,
): Promise<Found> => {
  const { U, S, Vt } = await lowRankOf(G, Math.min(4 * r, G.rows, G.cols), generator);
  const { a, b } = chosen(direction, r, generator);
  const values = b.map((i) => S[i] as number);
  const A = rowsOf(Vt, a);
  const B = scaleColumns(transposed(rowsOf(transposed(U), b)), values);
  const by = (x: number): Float64Array => new Float64Array(r).fill(x);
  switch (scale) {
    case 'stable': {
      const rows = turned ? W.cols : W.rows;
      return { A, B: scaleColumns(B, by(rows ** 0.25 / Math.sqrt(stable_gamma))) };
    }
    case 'weight_svd': {
      const largest = (await lowRankOf(W, r, generator)).S[0] as number;
      const first = values[0] as number;
      return { A, B: first > 0 ? scaleColumns(B, by(largest / first)) : B };
    }
    case 'gd_scale':
      return { A: scaleRows(A, by(1 / s)), B: scaleColumns(B, by(1 / s)) };
    case 'unit':
      return { A, B };
  }
};

/**
 * A LoRA adapter along the gradients of the weights that it acts on, and the base W - s B A.
 *
 * Problems: gradients that are missing or of another shape, ranks above half of the weight's sides.
 *
 * @param gradients by parameter key, in storage layout: the mean over some batches of what `valueAndGrad` gives
 * @param generator torch's random numbers for the decomposition and for "random"; used up
 */
export const loraGaInit = (
  config: Readonly<Record<string, unknown>>,
  options: StartOptions,
  gradients: Weights,
  generator: TorchGenerator,
  choice: LoraGaOptions = {},
): Promise<Result<Started>> =>
  startFrom(config, options, async (layer) => {
    const G = lookup(gradients, layer.key);
    const shape = layer.transposed ? [layer.W.cols, layer.W.rows] : [layer.W.rows, layer.W.cols];
    if (G === undefined || !sameShape(G.shape, shape))
      return fail(`gradients: ${layer.key}`, showShape(shape), G === undefined ? 'none' : showShape(G.shape));
    if (2 * layer.r > Math.min(...shape))
      return fail(
        'adapter_config.json: r',
        `a rank of at most ${Math.floor(Math.min(...shape) / 2)} for ${layer.module}`,
        String(layer.r),
      );
    // nn.Linear draws A and B before
    generator.skip(layer.r * (layer.W.cols + layer.W.rows));
    const host = await matrixOf(G);
    return E.right(await loraGaFactors(layer, layer.transposed ? transposed(host) : host, choice, generator));
  });

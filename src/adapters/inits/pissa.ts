/**
 * PiSSA: the adapter starts with the leading singular triplets of the weights, and the base keeps the rest.
 *
 * Meng et al., "PiSSA: Principal Singular Values and Singular Vectors Adaptation of Large Language Models",
 * https://arxiv.org/abs/2404.02948
 */
import { E } from '../../fp.js';
import { matrix, svdLeading, svdLowRank, tensorOfMatrix } from '../../ops/linalg/index.js';
import { normalValues, split, type Key } from '../../ops/random.js';
import { svdLowrankTestMatrix, type TorchGenerator } from '../../ops/torch-random/index.js';
import { fail, type Result } from '../../problem.js';
import type { LoraConfig } from '../methods/lora/config.js';
import { pissaFactors } from '../methods/lora/factors.js';
import { pissaIterations } from '../methods/lora/starts.js';
import { startFrom, type Found, type LinearStart, type Started, type StartOptions } from './started.js';

/** A rank above the weight's sides has no triplets to start from. */
export const rankProblem = ({ module, W, r }: LinearStart): Result<never> | undefined => {
  const most = Math.min(W.rows, W.cols);
  return r <= most ? undefined : fail('adapter_config.json: r', `a rank of at most ${most} for ${module}`, String(r));
};

/**
 * The normal numbers of `torch.svd_lowrank`, as `get_peft_model` draws them layer by layer: nn.Linear draws A and B first.
 *
 * A generator with the seed that was given to `torch.manual_seed` gives PEFT's numbers where all targets are linear layers.
 */
const torchTestMatrix = (generator: TorchGenerator, { W, r }: LinearStart, q: number): Float32Array => {
  generator.skip(r * W.cols + W.rows * r);
  return svdLowrankTestMatrix(generator, W.rows, W.cols, q);
};

/** Approximate triplets by k power iterations, with a test matrix [min(out, in), r]. */
const approximate = async (layer: LinearStart, iterations: number, test: Float32Array): Promise<Result<Found>> => {
  const W = tensorOfMatrix(layer.W);
  const R = matrix(test.length / layer.r, layer.r, test);
  const spectrum = await svdLowRank(W, R, iterations);
  W.dispose();
  return E.right(pissaFactors(spectrum, layer.r, layer.s));
};

/**
 * A LoRA adapter with A = sqrt(S_r / s) V_r^T and B = U_r sqrt(S_r / s), and the base W - U_r S_r V_r^T.
 *
 * `config.init_lora_weights` is "pissa" (exact, the default) or "pissa_niter_<k>" (k power iterations from random directions).
 *
 * @param options.generator torch's random numbers for "pissa_niter_<k>"; `key`'s are taken unless it is given
 */
export const pissaInit = async (
  config: Readonly<Record<string, unknown>>,
  options: StartOptions & { readonly generator?: TorchGenerator },
): Promise<Result<Started>> => {
  const name = (config['init_lora_weights'] ?? 'pissa') as LoraConfig['init_lora_weights'];
  const iterations = pissaIterations(name);
  if (name !== 'pissa' && iterations === undefined)
    return fail('init_lora_weights', '"pissa" or "pissa_niter_<number>"', JSON.stringify(name));
  const [forLeaf, forDirections] = split(options.key) as [Key, Key];
  const random = { next: forDirections };
  return startFrom(config, { ...options, key: forLeaf }, async (layer) => {
    const problem = rankProblem(layer);
    if (problem !== undefined) return problem;
    if (iterations === undefined) return E.right(pissaFactors(svdLeading(layer.W, layer.r), layer.r, layer.s));
    const [own, rest] = split(random.next) as [Key, Key];
    random.next = rest;
    const short = Math.min(layer.W.rows, layer.W.cols);
    const test =
      options.generator === undefined
        ? normalValues(own, short * layer.r)
        : torchTestMatrix(options.generator, layer, layer.r);
    return approximate(layer, iterations, test);
  });
};

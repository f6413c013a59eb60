/**
 * OLoRA: the adapter starts with the QR factors of the weights, and the base keeps the rest.
 *
 * Buyukakyuz, "OLoRA: Orthonormal Low-Rank Adaptation of Large Language Models", https://arxiv.org/abs/2406.01775
 */
import { E } from '../../fp.js';
import type { Result } from '../../problem.js';
import { oloraFactors } from '../methods/lora/factors.js';
import { rankProblem } from './pissa.js';
import { startFrom, type Started, type StartOptions } from './started.js';

/**
 * A LoRA adapter with A = R_r and B = Q_r of W = Q R, and the base W - s Q_r R_r.
 *
 * A Conv1D is factored as [out, in], like a Linear; PEFT factors it as it is stored, so that A and B have each other's sides.
 */
export const oloraInit = (config: Readonly<Record<string, unknown>>, options: StartOptions): Promise<Result<Started>> =>
  startFrom(config, options, async (layer) => rankProblem(layer) ?? E.right(oloraFactors(layer.W, layer.r)));

/**
 * Starts of training that decompose the weight: PiSSA, OLoRA and MiCA.
 */
import { E } from '../../../fp.js';
import { currentBackend } from '../../../ops/backend.js';
import { tensorOfMatrix, transposed, type Svd } from '../../../ops/linalg/index.js';
import { lookup, type Tensor, type Weights } from '../../../ops/tensor.js';
import { fail, type Result } from '../../../problem.js';
import type { Site } from '../../site.js';
import { hostMatrix, leadingOf, spectrumOf } from '../../updates/spectrum.js';
import type { LoraConfig } from './config.js';
import { micaFactors, oloraFactors, pissaFactors, type Factors } from './factors.js';
import { startName } from './starts.js';
import type { LoraDetail } from './update.js';

const flipped = ({ U, S, Vt }: Svd): Svd => ({ U: transposed(Vt), S, Vt: transposed(U) });

/** Whether a site's A and B start from its weight. */
export const startsFromWeight = (c: LoraConfig, { detail }: Site<LoraDetail>): boolean => {
  const name = startName(c.init_lora_weights);
  if (name === 'mica') return detail._tag === 'Linear' || detail._tag === 'Embedding';
  return (name === 'pissa' || name === 'pissa_niter' || name === 'olora') && detail._tag === 'Linear';
};

/**
 * A and B of a site from its weight, on the host.
 *
 * Problems: no such weight, ranks above its sides, webgpu (whose values cannot be read synchronously), and "pissa_niter_<k>",
 * which takes out of the base what a loaded adapter would not.
 */
export const startFromWeight = (
  c: LoraConfig,
  site: Site<LoraDetail>,
  weights: Weights,
): Result<readonly [A: Tensor, B: Tensor]> => {
  const name = startName(c.init_lora_weights);
  const { detail } = site;
  if (detail._tag !== 'Linear' && detail._tag !== 'Embedding') throw new TypeError(`no start on a ${detail._tag}`);
  if (name === 'pissa_niter')
    return fail(
      'adapter_config.json: init_lora_weights',
      '"pissa", whose base follows from the weights',
      `"${String(c.init_lora_weights)}"`,
      'pissaInit starts from the approximation and gives the base that belongs to it.',
    );
  const W = lookup(weights, site.stored[0] ?? site.key);
  if (W === undefined)
    return fail(`weights: ${site.key}`, `the base weight, which "${name}" decomposes`, 'no such tensor');
  if (currentBackend() === 'webgpu')
    return fail(
      'backend',
      `wasm or cpu for "${name}", which decomposes weights on the host`,
      'webgpu',
      'pissaInit and oloraInit read the weights asynchronously.',
    );
  if (detail.r > Math.min(...W.shape))
    return fail(
      'adapter_config.json: r',
      `a rank of at most ${Math.min(...W.shape)} for ${site.module}`,
      `${detail.r}`,
    );
  const turned = detail._tag === 'Embedding' || detail.transposed;
  const as = (spectrum: Svd): Svd => (turned ? flipped(spectrum) : spectrum);
  const factors = (): Factors => {
    if (name === 'mica') return micaFactors(as(spectrumOf(W)), detail.r);
    if (name === 'pissa') return pissaFactors(as(leadingOf(W, detail.r)), detail.r, detail.s);
    return oloraFactors(turned ? transposed(hostMatrix(W)) : hostMatrix(W), detail.r);
  };
  const { A, B } = factors();
  return E.right([tensorOfMatrix(A), tensorOfMatrix(B)]);
};

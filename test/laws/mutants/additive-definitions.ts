/** Additive methods with a mistake in their equation. */
import type { WeightUpdate } from '../../../src/adapters/update.js';
import type { Tensor } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { backwards, mutant, ones, rescaled, withConfig, withFile } from './alter.js';
import { eachPart, withSitesOf, withUpdate, type Mutant } from './mutant.js';

export const additiveDefinitionMutants: ReadonlyArray<Mutant> = [
  mutant('ADALORA', 'additive', 'forgets E', withFile(/lora_E$/, ones)),
  mutant(
    'ADALORA',
    'additive',
    'forgets alpha',
    withConfig(() => ({ lora_alpha: 0 })),
  ),
  mutant('BEFT', 'additive', 'subtracts the bias', withFile(/beft_bias$/, tf.neg)),
  mutant('BONE', 'additive', 'counts the shards from the end', withFile(/bone_block$/, backwards(0))),
  mutant('C3A', 'additive', 'circulates the other way', withFile(/c3a_kernel$/, backwards(2))),
  mutant('C3A', 'additive', 'divides by half of the inputs', rescaled(2)),
  mutant('DELORA', 'additive', 'forgets the norms of the weight', withFile(/w_norm$/, ones)),
  mutant(
    'DELORA',
    'additive',
    'doubles lambda',
    withFile(/delora_lambda$/, (X) => tf.mul(X, 2)),
  ),
  mutant(
    'FOURIERFT',
    'additive',
    'forgets the scaling',
    withConfig(() => ({ scaling: 1 })),
  ),
  mutant('FOURIERFT', 'additive', 'puts the coefficients in reverse', withFile(/spectrum$/, backwards(0))),
  mutant(
    'FOURIERFT',
    'additive',
    'draws other places',
    withSitesOf((c) => ({ random_loc_seed: (c as never as { random_loc_seed: number }).random_loc_seed + 1 })),
  ),
  mutant(
    'GRALORA',
    'additive',
    'leaves the hybrid rank out of the scale',
    withConfig((c) => ({ alpha: (c['alpha'] as number) * 2 })),
  ),
  mutant('GRALORA', 'additive', 'exchanges the parts of the rank', withFile(/gralora_A$/, backwards(2))),
  mutant('LOHA', 'additive', 'forgets to divide by the rank', rescaled(2)),
  mutant(
    'LOHA',
    'additive',
    'multiplies one matrix with itself',
    withUpdate(eachPart((u) => (u._tag === 'Hadamard' ? { ...u, B2: u.B1, A2: u.A1 } : u))),
  ),
  mutant(
    'LOKR',
    'additive',
    'exchanges the factors',
    withUpdate(eachPart((u) => (u._tag === 'Kronecker' ? { ...u, C: u.D, D: u.C } : u))),
  ),
  mutant(
    'LOKR',
    'additive',
    'forgets the patterns',
    withSitesOf(() => ({ alpha_pattern: {} })),
  ),
  mutant('MISS', 'additive', 'counts the shards from the end', withFile(/miss_block$/, backwards(0))),
  mutant(
    'PVERA',
    'additive',
    'merges the half of the variances',
    withFile(/lambda_d$/, (X) => tf.concat(tf.split(X, 2).toReversed() as Tensor[], 0)),
  ),
  mutant('PVERA', 'additive', 'forgets b', withFile(/lambda_b$/, ones)),
  mutant(
    'RANDLORA',
    'additive',
    'forgets alpha',
    withConfig(() => ({ randlora_alpha: 1 })),
  ),
  mutant('RANDLORA', 'additive', 'forgets gamma', withFile(/gamma$/, ones)),
  mutant(
    'RANDLORA',
    'additive',
    'draws with another seed',
    withSitesOf(() => ({ projection_prng_key: 5000 })),
  ),
  mutant('SHIRA', 'additive', 'puts the values in reverse', withFile(/shira_weight$/, backwards(0))),
  mutant(
    'SUPERTUNING',
    'additive',
    'forgets the low-rank part',
    withUpdate((u) => (u._tag === 'Sum' ? (u.updates[0] as WeightUpdate) : u)),
  ),
  mutant(
    'TINYLORA',
    'additive',
    'draws all projections alike',
    withSitesOf((c) => ({ projection_seed: (c as never as { projection_seed: number }).projection_seed + 1 })),
  ),
  mutant('TINYLORA', 'additive', 'mixes the projections in reverse', withFile(/tinylora_v/, backwards(0))),
  mutant('UNILORA', 'additive', 'forgets how many places share an entry', rescaled(2)),
  mutant(
    'UNILORA',
    'additive',
    'deals with another seed',
    withSitesOf(() => ({ proj_seed: 5000 })),
  ),
  mutant(
    'VBLORA',
    'additive',
    'mixes one vector more',
    withConfig((c) => ({ topk: Math.min((c['topk'] as number) + 1, c['num_vectors'] as number) })),
  ),
  mutant('VBLORA', 'additive', 'numbers the bank from the end', withFile(/vector_bank$/, backwards(0))),
  mutant('VERA', 'additive', 'forgets d', withFile(/lambda_d$/, ones)),
  mutant(
    'VERA',
    'additive',
    'draws with another seed',
    withSitesOf(() => ({ projection_prng_key: 5000 })),
  ),
  mutant(
    'WAVEFT',
    'additive',
    'forgets the scaling',
    withConfig(() => ({ scaling: 1 })),
  ),
  mutant(
    'WAVEFT',
    'additive',
    'takes every wavelet for the first',
    withConfig(() => ({ wavelet_family: 'db1' })),
  ),
  mutant(
    'WAVEFT',
    'additive',
    'takes the spectrum for the change',
    withConfig(() => ({ use_idwt: false })),
  ),
];

/** Methods that multiply, replace or read the weight, with a mistake in their equation. */
import { tf } from '../../../src/ops/tf.js';
import { atKeys, backwards, mutant, nothing, ones, withConfig, withFile, zeros } from './alter.js';
import { eachPart, withUpdate, type Mutant } from './mutant.js';

export const otherDefinitionMutants: ReadonlyArray<Mutant> = [
  mutant(
    'ADAMSS',
    'dependent',
    'forgets the column of the bias',
    atKeys('.bias', () => nothing),
  ),
  mutant('ADAMSS', 'dependent', 'takes the rows of V from the end', withFile(/newB$/, backwards(0))),
  mutant('BOFT', 'orthogonal', 'turns the other way', withFile(/boft_R$/, tf.neg)),
  mutant('BOFT', 'orthogonal', 'forgets the scales', withFile(/boft_s$/, ones)),
  mutant('BOFT', 'orthogonal', 'multiplies the factors in reverse', withFile(/boft_R$/, backwards(0))),
  mutant('BONE', 'dependent', 'subtracts the blocks', withFile(/bone_block$/, tf.neg)),
  mutant(
    'DEFT',
    'dependent',
    'forgets alpha',
    withConfig(() => ({ alpha: null })),
  ),
  mutant(
    'DEFT',
    'dependent',
    'takes nothing out of the weight',
    withUpdate(eachPart((u) => (u._tag === 'Deflate' ? { ...u, V: tf.zerosLike(u.V) } : u))),
  ),
  mutant(
    'DEFT',
    'dependent',
    'projects with the unrectified directions',
    withUpdate(eachPart((u) => (u._tag === 'Deflate' ? { ...u, V: u.U } : u))),
  ),
  mutant('FROD', 'dependent', 'forgets the sparse part', withFile(/s_values$/, zeros)),
  mutant('FROD', 'dependent', 'takes the diagonal from the end', withFile(/lambda_l$/, backwards(0))),
  mutant('GLORA', 'dependent', 'forgets what the weight adds to the bias', withFile(/glora_C/, zeros)),
  mutant(
    'GLORA',
    'dependent',
    'adds A instead of scaling by it',
    withUpdate(eachPart((u) => (u._tag === 'Modulate' ? { ...u, _tag: 'LowRank' } : u))),
  ),
  mutant('GLORA', 'dependent', 'forgets to scale the bias', withFile(/glora_D/, zeros)),
  mutant(
    'HIRA',
    'dependent',
    'adds instead of modulating',
    withUpdate(eachPart((u) => (u._tag === 'Modulate' ? { ...u, _tag: 'LowRank' } : u))),
  ),
  mutant('HRA', 'orthogonal', 'reflects in reverse order', withFile(/hra_u$/, backwards(1))),
  mutant(
    'HRA',
    'orthogonal',
    'takes every rank for orthonormal',
    withConfig(() => ({ apply_GS: true })),
  ),
  mutant(
    'IA3',
    'diagonal',
    'forgets the bias',
    atKeys('.bias', () => nothing),
  ),
  mutant('IA3', 'diagonal', 'scales twice', withFile(/ia3_l$/, tf.square)),
  mutant('LN_TUNING', 'replacement', 'forgets the biases', (leaf) => ({
    ...leaf,
    sites: leaf.sites.filter((s) => !s.key.endsWith('.bias')),
  })),
  mutant('MISS', 'dependent', 'subtracts the blocks', withFile(/miss_block$/, tf.neg)),
  mutant('OFT', 'orthogonal', 'turns the other way', withFile(/R.weight$/, tf.neg)),
  mutant(
    'OFT',
    'orthogonal',
    'ends the series one term early',
    withConfig((c) => ({ num_cayley_neumann_terms: (c['num_cayley_neumann_terms'] as number) - 1 })),
  ),
  mutant(
    'OFT',
    'orthogonal',
    'always takes the exact transform',
    withConfig(() => ({ use_cayley_neumann: false })),
  ),
  mutant('OSF', 'dependent', 'forgets the singular values of the file', withFile(/S_low$/, ones)),
  mutant(
    'OSF',
    'dependent',
    'keeps one triplet too few',
    withUpdate(eachPart((u) => (u._tag === 'Split' ? { ...u, k: u.k - 1 } : u))),
  ),
  mutant('PEANUT', 'dependent', 'takes every activation for relu', (leaf) =>
    withConfig(() => ({ act_fn: 'relu' }))(leaf),
  ),
  mutant(
    'PEANUT',
    'dependent',
    'forgets the scaling',
    withConfig(() => ({ scaling: 1 })),
  ),
  mutant('PEANUT', 'dependent', 'forgets the decoders', withFile(/decoders/, zeros)),
  mutant('PSOFT', 'dependent', 'turns the other way', withFile(/psoft_R.weight$/, tf.neg)),
  mutant('PSOFT', 'dependent', 'forgets the magnitudes', withFile(/vector_b$/, ones)),
  mutant(
    'PSOFT',
    'dependent',
    'forgets the bound of the series',
    withConfig(() => ({ cayley_neumann_eps: null })),
  ),
  mutant('ROAD', 'orthogonal', 'turns the other way', withFile(/theta$/, tf.neg)),
  mutant('ROAD', 'orthogonal', 'forgets alpha', withFile(/alpha$/, ones)),
  mutant(
    'ROAD',
    'orthogonal',
    'leaves the bias as it is',
    atKeys('.bias', () => nothing),
  ),
  mutant(
    'SUPERTUNING',
    'dependent',
    'takes the smallest entries for the largest',
    withConfig((c) => ({ select_top: !c['select_top'] })),
  ),
  mutant('TRAINABLE_TOKENS', 'replacement', 'puts the rows in reverse', (leaf) => ({
    ...leaf,
    sites: leaf.sites.map((site) => {
      const { rows } = site.detail as { readonly rows?: ReadonlyArray<number> };
      return rows === undefined ? site : { ...site, detail: { ...(site.detail as object), rows: rows.toReversed() } };
    }),
  })),
];

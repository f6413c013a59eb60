/**
 * Configs of methods that start from a transform or a decomposition of the weight.
 */
import * as fc from 'fast-check';
import { adamss } from '../../adapters/methods/adamss.js';
import { deft } from '../../adapters/methods/deft.js';
import { fourierft } from '../../adapters/methods/fourierft.js';
import { frod } from '../../adapters/methods/frod.js';
import { lily } from '../../adapters/methods/lily.js';
import { peanut } from '../../adapters/methods/peanut.js';
import { psoft } from '../../adapters/methods/psoft.js';
import { supertuning } from '../../adapters/methods/supertuning.js';
import { waveft } from '../../adapters/methods/waveft.js';
import {
  adamssDefinition,
  deftDefinition,
  frodDefinition,
  peanutDefinition,
  psoftDefinition,
} from '../definitions/decomposed.js';
import { supertuningDefinition } from '../definitions/entries.js';
import { fourierftDefinition, waveftDefinition } from '../definitions/spectral.js';
import { lilyForward } from '../definitions/forward.js';
import type { MethodArbitrary } from './method-arbitrary.js';
import { additive, alpha, arbitrary, isOf, rank } from './targeted.js';

const dependent = ['dependent'] as const;

/** One arbitrary a method. */
export const decomposedArbitraries: ReadonlyArray<MethodArbitrary> = [
  arbitrary({
    method: adamss,
    definition: adamssDefinition,
    algebras: dependent,
    fits: isOf('Linear'),
    // several clusters have sizes that follow from the weights, and those are drawn after the adapters
    settings: { r: rank, num_subspaces: fc.constant(1), subspace_rank: rank, random_seed: fc.nat(1000) },
    plain: { r: 2, num_subspaces: 1 },
  }),
  arbitrary({
    method: deft,
    definition: deftDefinition,
    algebras: ['dependent'],
    fits: isOf('Linear', 'Conv1D'),
    settings: {
      r: rank,
      alpha: fc.constantFrom(null, 0, 3),
      decomposition_method: fc.constantFrom('relu', 'qr'),
      para: fc.boolean(),
      fan_in_fan_out: fc.boolean(),
    },
    plain: { r: 2 },
  }),
  arbitrary({
    method: fourierft,
    definition: fourierftDefinition,
    algebras: additive,
    fits: isOf('Linear', 'Conv1D'),
    settings: {
      n_frequency: fc.constantFrom(1, 1, 2, 4),
      random_loc_seed: fc.nat(1000),
      scaling: alpha,
      n_frequency_pattern: fc.constantFrom({}, { q_proj: 1 }),
      fan_in_fan_out: fc.boolean(),
    },
    plain: { n_frequency: 1, scaling: 3 },
  }),
  arbitrary({
    method: frod,
    definition: frodDefinition,
    algebras: dependent,
    fits: isOf('Linear', 'Conv1D'),
    settings: {
      sparse_rate: fc.constantFrom(0, 0.1, 1),
      projection_prng_key: fc.nat(1000),
      fan_in_fan_out: fc.boolean(),
    },
    plain: {},
  }),
  arbitrary({
    method: lily,
    forward: lilyForward,
    algebras: ['routed'],
    fits: isOf('Linear'),
    settings: {
      r: rank,
      num_B: fc.constantFrom(2, 3),
      stride_A: fc.constantFrom(1, 2),
      scaling: fc.constantFrom(1, 0.5),
    },
    plain: { r: 2 },
  }),
  arbitrary({
    method: peanut,
    definition: peanutDefinition,
    algebras: dependent,
    fits: isOf('Linear'),
    settings: {
      r: rank,
      depth: fc.nat(2),
      act_fn: fc.constantFrom('relu', 'gelu', 'silu'),
      scaling: fc.constantFrom(1, 0.5),
    },
    plain: { r: 2 },
  }),
  arbitrary({
    method: psoft,
    definition: psoftDefinition,
    algebras: dependent,
    fits: isOf('Linear'),
    settings: {
      r: fc.constantFrom(1, 2),
      psoft_alpha: fc.constantFrom(1, 3),
      ab_svd_init: fc.constantFrom('psoft_init', 'pissa_init'),
      psoft_svd: fc.constantFrom('full', 'lowrank'),
      psoft_orth: fc.boolean(),
      psoft_mag_a: fc.boolean(),
      psoft_mag_b: fc.boolean(),
      use_cayley_neumann: fc.boolean(),
      cayley_neumann_eps: fc.constantFrom(null, 0.5),
    },
    plain: { r: 1, psoft_alpha: 2 },
  }),
  arbitrary({
    method: supertuning,
    definition: supertuningDefinition,
    algebras: [...additive, 'dependent'],
    fits: isOf('Linear'),
    settings: {
      sparsity: fc.constantFrom(0, 0.5),
      select_top: fc.boolean(),
      save_precomputed_indices: fc.boolean(),
      r: fc.constantFrom(null, 1, 3),
    },
    plain: { sparsity: 0 },
  }),
  arbitrary({
    method: waveft,
    definition: waveftDefinition,
    algebras: additive,
    fits: isOf('Linear', 'Conv1D'),
    settings: {
      n_frequency: fc.constantFrom(1, 1, 2, 4),
      wavelet_family: fc.constantFrom('db1', 'db3', 'sym4', 'coif1'),
      use_idwt: fc.boolean(),
      random_loc_seed: fc.nat(1000),
      proportional_parameters: fc.boolean(),
      fan_in_fan_out: fc.boolean(),
    },
    plain: { n_frequency: 1 },
  }),
];

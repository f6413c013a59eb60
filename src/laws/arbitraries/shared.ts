/**
 * Configs of methods whose layers share tensors.
 */
import * as fc from 'fast-check';
import { pvera } from '../../adapters/methods/pvera.js';
import { randlora } from '../../adapters/methods/randlora.js';
import { tinylora } from '../../adapters/methods/tinylora.js';
import { unilora } from '../../adapters/methods/unilora.js';
import { vblora } from '../../adapters/methods/vblora.js';
import {
  pveraDefinition,
  randloraDefinition,
  tinyloraDefinition,
  uniloraDefinition,
  vbloraDefinition,
} from '../definitions/shared.js';
import type { MethodArbitrary } from './method-arbitrary.js';
import { additive, arbitrary, isOf, rank } from './targeted.js';

const projections = {
  r: rank,
  save_projection: fc.boolean(),
  projection_prng_key: fc.nat(1000),
  fan_in_fan_out: fc.boolean(),
};

/** One arbitrary a method. */
export const sharedArbitraries: ReadonlyArray<MethodArbitrary> = [
  arbitrary({
    method: pvera,
    definition: pveraDefinition,
    algebras: additive,
    fits: isOf('Linear', 'Conv1D'),
    settings: projections,
    plain: { r: 2 },
  }),
  arbitrary({
    method: randlora,
    definition: randloraDefinition,
    algebras: additive,
    fits: isOf('Linear', 'Conv1D'),
    settings: {
      ...projections,
      randlora_alpha: fc.constantFrom(1, 3),
      // bases of a single number have no spread to be divided by
      r: fc.constantFrom(2, 3),
      sparse: fc.constant(false),
    },
    plain: { r: 2, randlora_alpha: 1 },
  }),
  arbitrary({
    method: tinylora,
    definition: tinyloraDefinition,
    algebras: additive,
    fits: isOf('Linear', 'Conv1D', 'Embedding'),
    settings: {
      r: rank,
      u: fc.constantFrom(1, 2, 5),
      weight_tying: fc.constantFrom(0, 0.5, 1),
      save_projection: fc.boolean(),
      projection_seed: fc.nat(1000),
      fan_in_fan_out: fc.boolean(),
    },
    plain: { r: 2, u: 3 },
  }),
  arbitrary({
    method: unilora,
    definition: uniloraDefinition,
    algebras: additive,
    fits: isOf('Linear', 'Conv1D'),
    settings: {
      r: rank,
      theta_d_length: fc.constantFrom(1, 5, 64),
      proj_seed: fc.nat(1000),
      save_indices: fc.boolean(),
      fan_in_fan_out: fc.boolean(),
    },
    plain: { r: 2, theta_d_length: 7 },
  }),
  arbitrary({
    method: vblora,
    definition: vbloraDefinition,
    algebras: additive,
    fits: isOf('Linear', 'Conv1D'),
    settings: {
      r: rank,
      num_vectors: fc.constantFrom(2, 3, 9),
      vector_length: fc.constant(1),
      topk: fc.constantFrom(1, 2),
      fan_in_fan_out: fc.boolean(),
    },
    plain: { r: 2, num_vectors: 4, vector_length: 1 },
  }),
];

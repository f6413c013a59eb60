/**
 * What the laws know of a method.
 */
import type * as fc from 'fast-check';
import type { Method } from '../../adapters/method.js';
import type { Algebra } from '../../adapters/updates/traits.js';
import type { ModelSpec } from '../../models/spec.js';
import type { Definition } from '../definitions/definition.js';
import type { ForwardDefinition } from '../definitions/forward.js';

/** What the laws must know of a method to draw its adapters. */
export interface MethodArbitrary {
  readonly method: Method;
  /** The algebras that the method's adapters live in. */
  readonly algebras: ReadonlyArray<Algebra>;
  /** Configs in PEFT's names for a model, whose adapters are at most as unlawful as asked. */
  readonly config: (spec: ModelSpec, atMost: Algebra) => fc.Arbitrary<Readonly<Record<string, unknown>>>;
  /** A small config that fits every model. */
  readonly plain: Readonly<Record<string, unknown>>;
  /** Models that the plain config fits; those of `modelSpec` by default. */
  readonly models?: fc.Arbitrary<ModelSpec>;
  /** The method's equation in float64, written apart from its update; without one the law "definition" is to do. */
  readonly definition?: Definition;
  /** The models are whole language models that run, and so they are held to the laws of running ones too. */
  readonly runs?: boolean;
  /** What the method adds to a forward pass in float64, where it has no merged weights. */
  readonly forward?: ForwardDefinition;
}

/**
 * Adapters of methods that nobody has written an arbitrary for: the method's defaults on random targets.
 */
import * as fc from 'fast-check';
import type { Method } from '../../adapters/method.js';
import { algebras, joinAlgebras, type Algebra } from '../../adapters/updates/traits.js';
import { E } from '../../fp.js';
import type { ModelSpec } from '../../models/spec.js';
import { noLessLawful } from '../law.js';
import { fit } from './adapters.js';
import { methodArbitraries, type MethodArbitrary } from './methods.js';
import { modelSpec } from './models.js';

type Config = Readonly<Record<string, unknown>>;

const plain: Config = { target_modules: ['q_proj'] };

const shortNames = (spec: ModelSpec): ReadonlyArray<string> => [
  ...new Set(
    spec.modules
      .filter((m) => ['Linear', 'Conv1D', 'Conv1d', 'Conv2d', 'Conv3d', 'Embedding'].includes(m.kind))
      .map((m) => m.name.slice(m.name.lastIndexOf('.') + 1))
      .filter((name) => name !== 'out_proj'),
  ),
];

const genericConfig =
  (method: Method): MethodArbitrary['config'] =>
  (spec, atMost) =>
    fc
      .record({
        targets: fc.subarray([...shortNames(spec)], { minLength: 1 }),
        save: fc.boolean(),
      })
      .map(({ targets, save }) => ({
        target_modules: targets,
        ...(save && noLessLawful('replacement', atMost) && Object.hasOwn(method.fields, 'modules_to_save')
          ? { modules_to_save: ['norm'] }
          : {}),
      }));

const fits = (from: MethodArbitrary, spec: ModelSpec): boolean => E.isRight(fit(from, plain, spec));

/** The algebras that a method's adapters turn out to live in, over some models and targets. */
const algebrasOf = (from: MethodArbitrary): ReadonlyArray<Algebra> => {
  const drawn = fc.sample(
    modelSpec.chain((spec) => from.config(spec, 'routed').map((config) => ({ spec, config }))),
    { numRuns: 100, seed: 0 },
  );
  const models = drawn.filter(({ spec }) => fits(from, spec));
  const algebrasWith = (fields: (d: (typeof models)[number]) => Config): ReadonlyArray<Algebra> =>
    models.flatMap((d) => {
      const fitted = fit(from, fields(d), d.spec);
      return E.isRight(fitted) ? [fitted.right.layout.algebra] : [];
    });
  const least = joinAlgebras(algebrasWith(() => plain));
  const found = new Set<Algebra>([...algebrasWith((d) => d.config), least]);
  // models are drawn until the plain config fits one; it stands in for others, so nothing is more lawful than it
  return models.length < 5 ? [] : algebras.filter((a) => found.has(a) && noLessLawful(least, a));
};

/**
 * An arbitrary for any method that targets modules by name: its defaults on random lists of targets.
 *
 * Configs that do not fit a model fall back to `q_proj` alone. A method without an algebra here fits hardly any model:
 * it needs an arbitrary of its own.
 */
export const genericArbitrary = (method: Method): MethodArbitrary => {
  const from: MethodArbitrary = { method, algebras: [], config: genericConfig(method), plain };
  return { ...from, algebras: algebrasOf(from), models: modelSpec.filter((spec) => fits(from, spec)) };
};

/** The method's own arbitrary, or the generic one. */
export const arbitraryOf = (method: Method): MethodArbitrary =>
  Object.hasOwn(methodArbitraries, method.peftType)
    ? (methodArbitraries[method.peftType] as MethodArbitrary)
    : genericArbitrary(method);

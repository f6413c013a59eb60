/**
 * From the names in a checkpoint file to the parameters of a model class.
 */
import { fail, orProblems, problem, type Problem, type Result } from '../../problem.js';
import type { Shape } from '../../ops/tensor.js';
import { isBaseClass, OLD_BUFFERS, type Architecture } from './architecture.js';

/** The deepest module that is read. */
export const DEEPEST = 64;

/** A stored parameter: its key in the model, its name in the file, its shape. */
export interface Stored {
  readonly key: string;
  readonly fileKey: string;
  readonly shape: Shape;
}

/** How a class holds its base model, seen from the file. */
type Prefixing = 'add' | 'strip' | 'keep';

const firstOf = (key: string): string => key.split('.', 1)[0] as string;

/** A class with a head reads files of the base model, and the other way round. */
const prefixing = (arch: Architecture, className: string | undefined, keys: ReadonlyArray<string>): Prefixing => {
  if (className === undefined) return 'keep';
  const prefixed = keys.some(
    (k) => k.startsWith(`${arch.prefix}.`) && arch.parts.includes(firstOf(k.slice(arch.prefix.length + 1))),
  );
  if (isBaseClass(className)) return prefixed ? 'strip' : 'keep';
  const bare = keys.some((k) => arch.parts.includes(firstOf(k)));
  return bare && !prefixed && arch.unprefixed?.test(className) !== true ? 'add' : 'keep';
};

/** Names of norms in checkpoints that were converted from TensorFlow. */
const modernNorm = (key: string): string =>
  key.replace(/(LayerNorm|layer_norm)\.gamma$/, '$1.weight').replace(/(LayerNorm|layer_norm)\.beta$/, '$1.bias');

const placed = (arch: Architecture, how: Prefixing, key: string): string | undefined => {
  if (how === 'add') return arch.parts.includes(firstOf(key)) ? `${arch.prefix}.${key}` : key;
  if (how === 'keep') return key;
  return key.startsWith(`${arch.prefix}.`) ? key.slice(arch.prefix.length + 1) : undefined;
};

const renamed = (arch: Architecture, key: string): string =>
  (arch.renames ?? []).reduce((k, [from, to]) => k.replace(from, to), key);

/** Buffers and heads of other classes: stored, but no parameters of this one. */
const isUnused = (arch: Architecture | undefined, className: string | undefined, key: string): boolean =>
  [...OLD_BUFFERS, ...(arch?.unused ?? [])].some(([classes, keys]) => classes.test(className ?? '') && keys.test(key));

const shapeProblems = (fileKey: string, shape: Shape): ReadonlyArray<Problem> => [
  ...(shape.every((n) => Number.isSafeInteger(n) && n >= 0)
    ? []
    : [problem(fileKey, 'sizes that are whole numbers', shape.join(', '))]),
  ...(fileKey.split('.').length <= DEEPEST
    ? []
    : [problem(fileKey.slice(0, 80), `at most ${DEEPEST} parts in a name`, 'more')]),
  ...(fileKey.split('.').every((part) => part !== '')
    ? []
    : [
        problem(
          JSON.stringify(fileKey.slice(0, 80)),
          'a name without empty parts',
          'two dots in a row, or one at an end',
        ),
      ]),
];

/**
 * The parameters of a class among the tensors of a file, in file order; tensors that are none are left out.
 * Problems: names that are too deep, shapes that are none, two tensors for one parameter.
 */
export const storedParameters = (
  arch: Architecture | undefined,
  className: string | undefined,
  tensors: ReadonlyArray<readonly [fileKey: string, shape: Shape]>,
): Result<ReadonlyArray<Stored>> => {
  if (tensors.length === 0) return fail('model', 'at least one tensor', 'none');
  const modern = tensors.map(([fileKey, shape]) => ({ fileKey, shape, key: modernNorm(fileKey) }));
  const renamedKeys = arch === undefined ? modern : modern.map((s) => ({ ...s, key: renamed(arch, s.key) }));
  const how =
    arch === undefined
      ? 'keep'
      : prefixing(
          arch,
          className,
          renamedKeys.map((s) => s.key),
        );
  const stored = renamedKeys.flatMap((s) => {
    const key = arch === undefined ? s.key : placed(arch, how, s.key);
    return key === undefined || isUnused(arch, className, key) ? [] : [{ ...s, key }];
  });
  const byKey = new Map<string, string>();
  const problems = stored.flatMap(({ key, fileKey, shape }) => {
    const before = byKey.get(key);
    byKey.set(key, fileKey);
    const twice = before === undefined ? [] : [problem(key, 'one tensor for a parameter', `${before} and ${fileKey}`)];
    return [...twice, ...shapeProblems(fileKey, shape)];
  });
  return orProblems(problems, () => stored);
};

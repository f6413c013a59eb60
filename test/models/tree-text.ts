/**
 * Notation for module trees in tests.
 */
import type { ModelSpec } from '../../src/models/spec.js';
import { recordOf, type Shape } from '../../src/ops/tensor.js';

/** A model's tree and what config.json says about it. */
export interface Tree {
  readonly config: Readonly<Record<string, unknown>>;
  /** (alias, owner), sorted. */
  readonly ties: ReadonlyArray<ReadonlyArray<string>>;
  readonly input: string | undefined;
  readonly output: string | undefined;
  /** Lines of `path kind parameter=sizes ...`. */
  readonly modules: ReadonlyArray<string>;
}

const below = (at: string, line: string): string => {
  const [path, ...rest] = line.split(' ');
  return [path === '-' ? at : `${at}.${path}`, ...rest].join(' ');
};

/** The same lines below `at.0` to `at.<count - 1>`. */
export const repeat = (at: string, count: number, lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, i) => lines.map((line) => below(`${at}.${i}`, line))).flat();

/** A spec in the same notation. */
export const linesOf = (spec: ModelSpec): ReadonlyArray<string> =>
  spec.modules.map((m) =>
    [m.name === '' ? '-' : m.name, m.kind, ...Object.entries(m.params).map(([p, s]) => `${p}=${s.join('x')}`)].join(
      ' ',
    ),
  );

/** Shapes of all parameters of a tree, tied aliases included. */
export const shapesOf = (tree: Tree): ReadonlyArray<readonly [key: string, shape: Shape]> =>
  tree.modules.flatMap((line) => {
    const [path, , ...params] = line.split(' ') as [string, string, ...string[]];
    return params.map((text) => {
      const [param, sizes] = text.split('=') as [string, string];
      return [path === '-' ? param : `${path}.${param}`, sizes.split('x').map(Number)] as const;
    });
  });

/** What a published file holds: sorted names, no aliases. */
export const fileOf = (tree: Tree): Readonly<Record<string, Shape>> => {
  const aliases = new Set(tree.ties.map(([alias]) => alias));
  return recordOf(
    shapesOf(tree)
      .filter(([key]) => !aliases.has(key))
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
};

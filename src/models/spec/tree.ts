/**
 * Modules in the order of `named_modules()`: depth first, children in the order of their definition.
 */
import { recordOf, type Shape } from '../../ops/tensor.js';

/** A module's own parameters and its children. */
interface Node {
  readonly params: Map<string, Shape>;
  readonly children: Map<string, Node>;
}

/** A module's path and parameters. */
export interface NamedParams {
  readonly name: string;
  readonly params: Readonly<Record<string, Shape>>;
}

const node = (): Node => ({ params: new Map(), children: new Map() });

const PARAM_ORDER = ['weight', 'bias', 'in_proj_weight', 'in_proj_bias'];

/** Place of a name among its siblings: numbers by value, known names by definition, others behind, as in the file. */
const rankIn = (order: ReadonlyMap<string, number>, parent: string, name: string): number =>
  /^\d{1,9}$/.test(name) ? Number(name) : (order.get(`${parent}.${name}`) ?? order.get(name) ?? Infinity);

const sorted = <A>(
  entries: ReadonlyMap<string, A>,
  rank: (name: string) => number,
): ReadonlyArray<readonly [string, A]> =>
  [...entries].toSorted(([a], [b]) => {
    const [x, y] = [rank(a), rank(b)];
    return x === y ? 0 : x - y;
  });

const insert = (root: Node, key: string, shape: Shape): void => {
  const parts = key.split('.');
  let at = root;
  for (const part of parts.slice(0, -1)) {
    const child = at.children.get(part) ?? node();
    at.children.set(part, child);
    at = child;
  }
  at.params.set(parts.at(-1) as string, shape);
};

/** The modules behind parameters' keys, containers and the root (named '') included. */
export const treeOf = (
  keys: ReadonlyArray<readonly [key: string, shape: Shape]>,
  order: ReadonlyArray<string>,
): ReadonlyArray<NamedParams> => {
  const root = node();
  for (const [key, shape] of keys) insert(root, key, shape);
  const ranks = new Map(order.map((name, i) => [name, i] as const));
  const params = new Map([...PARAM_ORDER, ...order].map((name, i) => [name, i] as const));
  const walk = (at: Node, name: string, leaf: string): ReadonlyArray<NamedParams> => [
    { name, params: recordOf(sorted(at.params, (p) => params.get(p) ?? Infinity)) },
    ...sorted(at.children, (child) => rankIn(ranks, leaf, child)).flatMap(([child, below]) =>
      walk(below, name === '' ? child : `${name}.${child}`, child),
    ),
  ];
  return walk(root, '', '');
};

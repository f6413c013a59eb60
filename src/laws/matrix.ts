/**
 * Methods against laws: what holds, what does not apply and why, what is to do.
 */
import type { Method } from '../adapters/method.js';
import type { Algebra } from '../adapters/updates/traits.js';
import { arbitraryOf } from './arbitraries/generic.js';
import type { MethodArbitrary } from './arbitraries/methods.js';
import { checkMethod, lawsOf, type CheckOptions } from './check.js';
import { noLessLawful, type Law } from './law.js';
import { subtractLaw, unapplyLaw } from './predicates/undo.js';

/** One law on one method's adapters in one algebra. */
export interface Cell {
  readonly method: string;
  /** The adapters drawn are at most as unlawful as this. */
  readonly algebra: Algebra;
  readonly law: string;
  readonly status: 'holds' | 'broken' | 'not applicable' | 'todo';
  /** Why, where the law does not simply hold. */
  readonly why: string;
  /** The largest error found, in the units of the law's bound. */
  readonly ulps?: number | undefined;
}

/** A method's cells in short. */
export interface MethodRow {
  readonly method: string;
  readonly holds: number;
  readonly broken: number;
  readonly notApplicable: number;
  readonly todo: number;
  /** How a merge is undone: "bitwise" with the base, and the largest error without it where that is possible. */
  readonly unmerge: string;
}

/** The matrix of methods and laws. */
export interface LawMatrix {
  readonly cells: ReadonlyArray<Cell>;
  readonly rows: ReadonlyArray<MethodRow>;
  /** The matrix for people. */
  readonly text: string;
}

/** Why a law is not about a method's adapters in an algebra, or `undefined` where it is. */
export const notApplicable = (law: Law, algebra: Algebra): string | undefined =>
  noLessLawful(algebra, law.atMost)
    ? undefined
    : law.atMost === 'additive'
      ? `a ${algebra} adapter is no vector: it neither scales nor subtracts`
      : `a ${algebra} adapter has no dense merged weights`;

const cellOf = async (law: Law, from: MethodArbitrary, algebra: Algebra, options: CheckOptions): Promise<Cell> => {
  const cell = { method: from.method.peftType, algebra, law: law.name };
  const why = notApplicable(law, algebra);
  if (why !== undefined) return { ...cell, status: 'not applicable', why };
  if (law.name === 'definition' && from.definition === undefined)
    return { ...cell, status: 'todo', why: 'the method has no equation in src/laws/definitions yet' };
  const { holds, detail, ulps, unchecked } = await checkMethod(law, from, algebra, options);
  if (holds && unchecked !== '') return { ...cell, status: 'todo', why: unchecked };
  return { ...cell, status: holds ? 'holds' : 'broken', why: detail, ulps };
};

/** The cells of one method, in each algebra that its adapters live in. */
export const methodCells = async (method: Method, options: CheckOptions = {}): Promise<ReadonlyArray<Cell>> => {
  const from = arbitraryOf(method);
  if (from.algebras.length === 0) {
    const why = 'the method needs an arbitrary of its own: its defaults fit no model';
    return [{ method: method.peftType, algebra: 'routed', law: 'every law', status: 'todo', why }];
  }
  const cells: Cell[] = [];
  for (const algebra of from.algebras)
    for (const law of lawsOf(from)) cells.push(await cellOf(law, from, algebra, options));
  return cells;
};

const rounded = (ulps: number): string => `${Number(ulps.toPrecision(2))}`;

const unmergeOf = (cells: ReadonlyArray<Cell>): string => {
  const undone = cells.filter((c) => c.law === unapplyLaw.name && c.status !== 'not applicable');
  const subtracted = cells.filter((c) => c.law === subtractLaw.name && c.status === 'holds');
  if (undone.some((c) => c.status === 'broken')) return 'broken';
  if (undone.length === 0) return cells.some((c) => c.status === 'todo' && c.law === 'every law') ? 'todo' : 'n/a';
  const worst = Math.max(...subtracted.map((c) => c.ulps ?? 0));
  return subtracted.length === 0 ? 'bitwise' : `bitwise; ${rounded(worst)} ulps without the base`;
};

const rowOf = (method: string, cells: ReadonlyArray<Cell>): MethodRow => {
  const count = (status: Cell['status']): number => cells.filter((c) => c.status === status).length;
  return {
    method,
    holds: count('holds'),
    broken: count('broken'),
    notApplicable: count('not applicable'),
    todo: count('todo'),
    unmerge: unmergeOf(cells),
  };
};

const marks = { holds: 'holds', broken: 'BROKEN', 'not applicable': 'n/a', todo: 'todo' } as const;

const line = ({ status, law, why, ulps }: Cell): string => {
  const error = ulps === undefined || ulps === 0 ? '' : `largest error ${rounded(ulps)} ulps`;
  return `  ${marks[status].padEnd(7)} ${law.padEnd(24)} ${why === '' ? error : (why.split('\n')[0] ?? '')}`.trimEnd();
};

const textOf = (cells: ReadonlyArray<Cell>): string => {
  const titles = [...new Set(cells.map((c) => `${c.method}, ${c.algebra} adapters`))];
  const blocks = titles.map((title) =>
    [title, ...cells.filter((c) => `${c.method}, ${c.algebra} adapters` === title).map(line)].join('\n'),
  );
  const { holds, broken, notApplicable: none, todo } = rowOf('', cells);
  return [...blocks, `${holds} hold, ${broken} broken, ${none} not applicable, ${todo} todo`].join('\n\n');
};

/**
 * Every method of a registry against every law, in each algebra that its adapters live in.
 *
 * @param registry methods by `peft_type`
 */
export const lawMatrix = async (
  registry: Readonly<Record<string, Method>>,
  options: CheckOptions = {},
): Promise<LawMatrix> => {
  const cells: Cell[] = [];
  for (const method of Object.values(registry)) cells.push(...(await methodCells(method, options)));
  const rows = Object.keys(registry).map((name) =>
    rowOf(
      name,
      cells.filter((c) => c.method === name),
    ),
  );
  return { cells, rows, text: textOf(cells) };
};

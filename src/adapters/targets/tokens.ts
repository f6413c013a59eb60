/**
 * Embeddings of which single rows are trained: `trainable_token_indices`.
 */
import { E } from '../../fp.js';
import { ownerOf, paramKey, type ModelSpec, type ModuleSpec } from '../../models/spec.js';
import { all, fail, orProblems, problem, unsupported, type Problem, type Result } from '../../problem.js';
import { nearHint } from './near.js';
import { fieldAt, type Targeting } from './targeting.js';

type Rows = ReadonlyArray<number>;

/** A module [V, d] and the rows of it that are trained. */
export type TokenRows = readonly [module: ModuleSpec, rows: Rows];

const AT = fieldAt('trainable_token_indices');

/** A list belongs to the input embedding; an object names its modules. */
const namedRows = (c: Targeting, spec: ModelSpec): ReadonlyArray<readonly [name: string, rows: Rows]> => {
  const given = c.trainable_token_indices;
  if (given === null || given === undefined) return [];
  return Array.isArray(given) ? [[spec.inputEmbedding ?? 'embed_tokens', given as Rows]] : Object.entries(given);
};

/**
 * Problems of trained rows: a module without a matrix, rows outside of it, rows given twice.
 *
 * @param at the field that names the rows
 */
export const rowProblems = (m: ModuleSpec, rows: Rows, at: string): ReadonlyArray<Problem> => {
  const size = m.params['weight']?.length === 2 ? (m.params['weight'][0] as number) : undefined;
  if (size === undefined) return [problem(at, 'a module with a matrix', `${m.name}, of kind ${m.kind}`)];
  const outside = rows.filter((i) => !Number.isInteger(i) || i < 0 || i >= size);
  const twice = [...new Set(rows.filter((row, i) => rows.indexOf(row) !== i))];
  return [
    ...(outside.length > 0
      ? [problem(at, `rows of ${m.name}, from 0 to ${size - 1}`, outside.slice(0, 10).join(', '))]
      : []),
    ...(twice.length > 0
      ? [problem(at, `each row of ${m.name} once`, twice.slice(0, 10).join(', '), 'Leave the second one out')]
      : []),
  ];
};

/** Modules whose names end with `name`, with their rows; as for `modules_to_save`, dots play no role. */
const rowsOf = (c: Targeting, spec: ModelSpec, name: string, rows: Rows): Result<ReadonlyArray<TokenRows>> => {
  if ((c.modules_to_save ?? []).includes(name))
    return fail(AT, 'modules that are not in modules_to_save', `"${name}"`, 'Train it as a whole or by rows, not both');
  const names = spec.modules.map((m) => m.name).filter((n) => n !== '');
  const modules = spec.modules.filter((m) => m.name !== '' && m.name.endsWith(name));
  if (modules.length === 0) return fail(AT, "the end of a module's name", `"${name}"`, nearHint(name, names));
  return orProblems(
    modules.flatMap((m) => rowProblems(m, rows, AT)),
    () => modules.map((m) => [m, rows] as const),
  );
};

const sameRows = (a: Rows, b: Rows): boolean => a.length === b.length && a.every((row, i) => row === b[i]);

/**
 * Modules with trained rows. Of several that share one tied weight only the owner is returned: its rows are seen through
 * every alias. Problems: names that match nothing, rows outside of the embedding or given twice, modules that are saved as a
 * whole too, tied modules with different rows.
 */
export const selectTokens = (c: Targeting, spec: ModelSpec): Result<ReadonlyArray<TokenRows>> => {
  const found = all(namedRows(c, spec).map(([name, rows]) => rowsOf(c, spec, name, rows)));
  if (E.isLeft(found)) return found;
  const byName = new Map(found.right.flat().map((entry) => [entry[0].name, entry] as const));
  const keyOf = ([m]: TokenRows): string => paramKey(m.name, 'weight');
  const ownerRows = (entry: TokenRows): TokenRows | undefined =>
    [...byName.values()].find((other) => other !== entry && keyOf(other) === ownerOf(spec, keyOf(entry)));
  const aliases = [...byName.values()].filter((entry) => ownerRows(entry) !== undefined);
  return orProblems(
    aliases
      .filter((entry) => !sameRows(entry[1], (ownerRows(entry) as TokenRows)[1]))
      .map((entry) =>
        unsupported(
          AT,
          `different rows for the tied ${entry[0].name} and ${(ownerRows(entry) as TokenRows)[0].name}`,
          'Give both the same rows',
        ),
      ),
    () => [...byName.values()].filter((entry) => !aliases.includes(entry)),
  );
};

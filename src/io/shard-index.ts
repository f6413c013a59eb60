/**
 * `model.safetensors.index.json`: which shard holds which tensor.
 */
import * as t from 'io-ts';
import { E } from '../fp.js';
import { all, fail, problem, type Problem, type Result } from '../problem.js';
import { decodeWith } from './decode.js';
import { parseJson } from './json.js';
import { plainName } from './plain-name.js';
import type { Header } from './safetensors/header.js';

/** An index as read. */
export interface ShardIndex {
  /** File name of the shard by tensor name. */
  readonly weightMap: ReadonlyMap<string, string>;
  /** Names of the shards, each once, sorted. */
  readonly shards: ReadonlyArray<string>;
}

const IndexJson = t.type({ weight_map: t.record(t.string, t.string) });

/** Reads an index; `at` is its path. Shards must be plain file names: the index is untrusted and must not name other folders. */
export const parseShardIndex = (text: string, at: string): Result<ShardIndex> => {
  const json = parseJson(text, at, { python: true });
  if (E.isLeft(json)) return json;
  const decoded = decodeWith(IndexJson, json.right, at);
  if (E.isLeft(decoded)) return decoded;
  const weightMap = new Map(Object.entries(decoded.right.weight_map));
  const shards = [...new Set(weightMap.values())].toSorted();
  if (shards.length === 0) return fail(`${at}: weight_map`, 'at least one tensor', 'none');
  return E.map(() => ({ weightMap, shards }))(all(shards.map((name) => plainName(name, `${at}: weight_map`))));
};

/** Where an index and its shards' headers disagree: each tensor must lie in exactly the shard that the index names. */
export const indexProblems = (
  index: ShardIndex,
  headers: ReadonlyMap<string, Header>,
  at: string,
): ReadonlyArray<Problem> => {
  const missing = [...index.weightMap].flatMap(([tensor, shard]) =>
    headers.get(shard)?.tensors.has(tensor) === true
      ? []
      : [
          problem(
            `${at}: weight_map.${tensor}`,
            `this tensor in ${shard}`,
            'none',
            'the index does not belong to these files',
          ),
        ],
  );
  const extra = [...headers].flatMap(([shard, { tensors }]) =>
    [...tensors.keys()].flatMap((tensor) => {
      const named = index.weightMap.get(tensor);
      if (named === shard) return [];
      const found = named === undefined ? 'no entry' : named;
      return [problem(`${at}: weight_map.${tensor}`, `${shard}, which holds this tensor`, found)];
    }),
  );
  return [...missing, ...extra];
};

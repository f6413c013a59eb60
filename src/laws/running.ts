/**
 * Language models as laws run them: three sequences of a few tokens.
 */
import type { ModelWeights } from '../adapters/attached.js';
import { E } from '../fp.js';
import type { LanguageModel, Run } from '../models/model.js';
import { languageModelOf } from '../models/registry.js';
import { paramKey, type ModelSpec } from '../models/spec.js';
import { tensorOf } from '../ops/backend.js';
import { bits, type Key } from '../ops/random.js';
import type { Tensor } from '../ops/tensor.js';
import { renderProblems } from '../problem.js';

/** Sequences and tokens of each. */
export const [BATCH, TOKENS] = [3, 4];

/** The model of a tree; a tree that none runs is a programmer's mistake. */
export const runningModel = (spec: ModelSpec): LanguageModel => {
  const model = languageModelOf(spec);
  if (E.isLeft(model)) throw new TypeError(renderProblems(model.left));
  return model.right;
};

/** Rows of token ids. */
export const tokenRows = (spec: ModelSpec, key: Key): ReadonlyArray<ReadonlyArray<number>> => {
  const weight = paramKey(spec.inputEmbedding ?? '', 'weight');
  const V = spec.modules.find((m) => paramKey(m.name, 'weight') === weight)?.params['weight']?.[0] ?? 1;
  const all = Array.from(bits(key, BATCH * TOKENS), (b) => b % V);
  return Array.from({ length: BATCH }, (_, i) => all.slice(i * TOKENS, (i + 1) * TOKENS));
};

/** Rows of ids as a tensor. */
export const idsOf = (rows: ReadonlyArray<ReadonlyArray<number>>): Tensor =>
  tensorOf(Int32Array.from(rows.flat()), [rows.length, rows[0]?.length ?? 0]);

/** A run over rows of ids, after a past. */
export const runOver = (
  spec: ModelSpec,
  p: ModelWeights,
  rows: ReadonlyArray<ReadonlyArray<number>>,
  past?: Run['cache'],
): Run => runningModel(spec).run(p, { inputIds: idsOf(rows), past });

/**
 * Token ids on the command line, checked against the model that reads them.
 */
import { paramKey, type ModelSpec } from '../models/spec.js';
import { fail, orProblems, problem, type Result } from '../problem.js';

/** Rows of the input embedding. */
const vocabularyOf = ({ inputEmbedding, modules }: ModelSpec): number | undefined => {
  const key = paramKey(inputEmbedding ?? '', 'weight');
  return modules.find((m) => paramKey(m.name, 'weight') === key)?.params['weight']?.[0];
};

/** Tokens must be rows of the input embedding; `at` says where they were given. */
export const checkIds = (at: string, ids: ReadonlyArray<number>, spec: ModelSpec): Result<ReadonlyArray<number>> => {
  const vocabulary = vocabularyOf(spec);
  if (vocabulary === undefined)
    return fail('model', 'an input embedding', 'none', 'Only language models read token ids.');
  return orProblems(
    ids
      .filter((id) => id >= vocabulary)
      .map((id) => problem(at, `token ids below ${vocabulary}`, String(id), 'Is this the right tokenizer?')),
    () => ids,
  );
};

/**
 * Model folders that are open while a command works on them.
 */
import { E } from '../fp.js';
import { openModel } from '../io/model.js';
import type { ModelFolder } from '../io/merge/unmerge.js';
import type { Result } from '../problem.js';

/** Opens a model folder, runs `f` on it and closes it, whatever happens. */
export const withModel = async <A>(
  folder: string,
  f: (model: ModelFolder) => Promise<Result<A>>,
): Promise<Result<A>> => {
  const model = await openModel(folder);
  if (E.isLeft(model)) return model;
  try {
    return await f({ folder, model: model.right });
  } finally {
    await model.right.checkpoint.close();
  }
};

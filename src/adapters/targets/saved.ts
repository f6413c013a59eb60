/**
 * Modules that are trained and stored as a whole: `modules_to_save`.
 */
import { E } from '../../fp.js';
import type { ModelSpec } from '../../models/spec.js';
import type { Result } from '../../problem.js';
import { nearHint } from './near.js';
import { fieldAt, type Selected, type Targeting } from './targeting.js';

const CLASSIFIER = ['classifier', 'score'];

/** Heads that a task trains whatever the config says. */
const HEADS: Readonly<Record<string, ReadonlyArray<string>>> = {
  SEQ_CLS: CLASSIFIER,
  TOKEN_CLS: CLASSIFIER,
  QUESTION_ANS: ['qa_outputs'],
};

/** Heads of a task type. */
const headsOf = (taskType: string | null | undefined): ReadonlyArray<string> =>
  taskType != null && Object.hasOwn(HEADS, taskType) ? (HEADS[taskType] as ReadonlyArray<string>) : [];

/** `modules_to_save` with the heads of the task, each once. */
export const savedNames = (
  names: ReadonlyArray<string> | null | undefined,
  taskType: string | null | undefined,
): ReadonlyArray<string> => [...new Set([...(names ?? []), ...headsOf(taskType)])];

/**
 * The modules that are stored as a whole. PEFT compares plain ends of names, without regard to dots: `norm` takes
 * `input_layernorm` as well. A name that matches nothing is a warning, unless the task brought it.
 */
export const selectSaved = (c: Targeting, spec: ModelSpec): Result<Selected> => {
  const names = savedNames(c.modules_to_save, c.task_type);
  const below = spec.modules.filter((m) => m.name !== '');
  const heads = headsOf(c.task_type);
  const missing = names.filter((n) => !heads.includes(n) && !below.some((m) => m.name.endsWith(n)));
  return E.right({
    modules: below.filter((m) => names.some((name) => m.name.endsWith(name))),
    warnings: missing.map((name) => {
      const hint = nearHint(
        name,
        below.map((m) => m.name),
      );
      return `${fieldAt('modules_to_save')}: no module ends with "${name}"${hint === '' ? '' : `. ${hint}`}`;
    }),
  });
};

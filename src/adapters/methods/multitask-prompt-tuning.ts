/**
 * Multitask prompt tuning: one prompt for all tasks, scaled for each by a low-rank matrix, P_t = T * (C[t] R[t]).
 *
 * Wang et al., "Multitask Prompt Tuning Enables Parameter-Efficient Transfer Learning", https://arxiv.org/abs/2303.02861
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import { matMul } from '../../ops/mat-mul.js';
import { normal } from '../../ops/random.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { unsupported, type Result } from '../../problem.js';
import { field, nullable, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { Method, Routing } from '../method.js';
import {
  promptFields,
  promptLayout,
  promptSizes,
  restructurePrompt,
  softPrompt,
  type PromptConfig,
  type PromptSizes,
} from '../prompt-layout.js';
import { literals, positiveInt } from '../targeting-fields.js';
import { checkedTasks } from '../tasks.js';

const fields = {
  ...promptFields,
  num_ranks: field(positiveInt, 1),
  num_tasks: field(positiveInt, 1),
  prompt_tuning_init: field(
    literals('RANDOM', 'TEXT', 'AVERAGE_SOURCE_TASKS', 'EXACT_SOURCE_TASK', 'ONLY_SOURCE_SHARED'),
    'RANDOM',
  ),
  prompt_tuning_init_state_dict_path: nullable(t.string),
  prompt_tuning_init_task: field(t.union([t.Integer, t.null]), 0),
  prompt_tuning_init_text: nullable(t.string),
  tokenizer_kwargs: nullable(t.UnknownRecord),
  tokenizer_name_or_path: nullable(t.string),
} as const satisfies Fields;

type MultitaskConfig = PromptConfig & Values<typeof fields>;

/** P_b = T * (C[task b] R[task b]) for each sample, [batch, n, D]. */
const prompts = (
  c: MultitaskConfig,
  { E: T, C, R }: Readonly<Record<string, Tensor>>,
  routing: Routing | undefined,
): Tensor => {
  const tasks = tf.tensor1d([...checkedTasks('multitask prompt tuning', c.num_tasks, routing)], 'int32');
  return tf.mul(T as Tensor, matMul(tf.gather(C as Tensor, tasks), tf.gather(R as Tensor, tasks)));
};

const initable = (c: MultitaskConfig): Result<MultitaskConfig> =>
  c.prompt_tuning_init === 'RANDOM'
    ? E.right(c)
    : E.left([
        unsupported(
          'adapter_config.json: prompt_tuning_init',
          `"${c.prompt_tuning_init}"`,
          'Start with "RANDOM" and set the parameters of the source tasks yourself.',
        ),
      ]);

/** Multitask prompt tuning. */
export const multitaskPromptTuning: Method<MultitaskConfig, PromptSizes> = {
  peftType: 'MULTITASK_PROMPT_TUNING',
  reference: 'https://arxiv.org/abs/2303.02861',
  fields,
  validate: E.right,
  restructure: restructurePrompt,
  layout: (c, context) =>
    E.chain((sizes: PromptSizes) => {
      const n = sizes.n * sizes.submodules;
      const tensors = {
        E: ['prompt_embeddings', [n, sizes.D]],
        C: ['prefix_task_cols', [c.num_tasks, n, c.num_ranks]],
        R: ['prefix_task_rows', [c.num_tasks, c.num_ranks, sizes.D]],
      } as const;
      return promptLayout(c, context, tensors, sizes);
    })(promptSizes(c, context.spec, false)),
  init: (c, { layout, key, weights }) =>
    E.chain(() =>
      initParams(layout, key, weights, (_site, role, k, shape) =>
        E.right(normal(k, shape, 0, role === 'E' ? 1 : 0.02)),
      ),
    )(initable(c)),
  tasks: (c) => c.num_tasks,
  update: (c, { detail }, tensors, { routing }) => softPrompt(c, detail, prompts(c, tensors, routing), true),
};

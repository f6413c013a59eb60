/**
 * CPT: the embeddings of an in-context prompt, refined; labels in it stay as they are.
 *
 * Blau et al., "Context-Aware Prompt Tuning: Advancing In-Context Learning with Adversarial Methods",
 * https://arxiv.org/abs/2410.17222. The file holds the sum of embeddings and refinement.
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import { paramKey } from '../../models/spec.js';
import { stopGradient } from '../../ops/stop-gradient.js';
import { lookup, type Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { fail, orProblems, problem, type Result } from '../../problem.js';
import { field, floatField, nullable, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { Method } from '../method.js';
import {
  promptFields,
  promptSizes,
  restructurePrompt,
  softLayout,
  type PromptConfig,
  type PromptSizes,
} from '../prompt-layout.js';
import { literals } from '../targeting-fields.js';

const ids = t.array(t.Integer);

const fields = {
  ...promptFields,
  cpt_mask: nullable(ids),
  cpt_token_ids: nullable(ids),
  cpt_tokens_type_mask: nullable(ids),
  opt_loss_decay_factor: floatField(t.number, 1),
  opt_projection_epsilon: floatField(t.number, 0.1),
  opt_projection_format_epsilon: floatField(t.number, 0.1),
  opt_weighted_loss_type: field(literals('none', 'decay'), 'none'),
  tokenizer_name_or_path: nullable(t.string),
} as const satisfies Fields;

/** A decoded CPTConfig. */
export type CptConfig = PromptConfig & Values<typeof fields>;

const validate = (c: CptConfig): Result<CptConfig> => {
  const tokens = c.cpt_token_ids ?? [0];
  const lengths = (['cpt_mask', 'cpt_tokens_type_mask'] as const)
    .filter((f) => (c[f] ?? tokens).length !== tokens.length)
    .map((f) =>
      problem(
        `adapter_config.json: ${f}`,
        `${tokens.length} entries, one for each of cpt_token_ids`,
        `${c[f]?.length ?? 0}`,
      ),
    );
  const task =
    c.task_type === 'CAUSAL_LM'
      ? []
      : [problem('adapter_config.json: task_type', '"CAUSAL_LM" for CPT', JSON.stringify(c.task_type))];
  return orProblems([...lengths, ...task], () => ({ ...c, num_virtual_tokens: tokens.length }));
};

/** Labels and unmarked tokens of the prompt are constants: only input, and both templates, are refined. */
const refined = (c: CptConfig, P: Tensor): Tensor => {
  const types = c.cpt_tokens_type_mask ?? [];
  const moves = tf.tensor2d(
    types.map((type) => (type % 4 === 0 ? 0 : 1)),
    [types.length, 1],
    'float32',
  );
  return tf.add(tf.mul(P, moves), stopGradient(tf.mul(P, tf.sub(1, moves))));
};

/** Labels of the prompt's tokens: a token marked as an output label has its id, any other -100, which no loss counts. */
export const cptLabels = (c: CptConfig): ReadonlyArray<number> =>
  (c.cpt_token_ids ?? [0]).map((id, i) => {
    const type = c.cpt_tokens_type_mask?.[i] ?? 1;
    return type > 0 && type % 4 === 0 ? id : -100;
  });

/** CPT. */
export const cpt: Method<CptConfig, PromptSizes> = {
  peftType: 'CPT',
  reference: 'https://arxiv.org/abs/2410.17222',
  fields,
  validate,
  restructure: restructurePrompt,
  layout: (c, context) =>
    E.chain((sizes: PromptSizes) => softLayout(c, context, sizes))(promptSizes(c, context.spec, false)),
  init: (c, { layout, key, weights, spec }) => {
    const name = paramKey(spec.inputEmbedding ?? '', 'weight');
    const W = lookup(weights, name);
    if (W === undefined)
      return fail(`weights: ${name}`, 'the input embedding, whose rows start the prompt', 'no such tensor');
    const rows = tf.tensor1d([...(c.cpt_token_ids ?? [0])], 'int32');
    return initParams(layout, key, weights, () => E.right(tf.gather(W, rows)));
  },
  update: (c, _site, tensors) => ({ _tag: 'Prompt', soft: refined(c, tensors['E'] as Tensor) }),
};

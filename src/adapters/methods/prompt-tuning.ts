/**
 * Prompt tuning: trained embeddings before those of the real tokens.
 *
 * Lester et al., "The Power of Scale for Parameter-Efficient Prompt Tuning", https://arxiv.org/abs/2104.08691
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import { paramKey } from '../../models/spec.js';
import { normal, uniformValues } from '../../ops/random.js';
import { lookup, type Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { fail, orProblems, problem, type Problem, type Result } from '../../problem.js';
import { field, nullable, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { InitContext, Method } from '../method.js';
import {
  promptFields,
  softLayout,
  promptSizes,
  restructurePrompt,
  softPrompt,
  type PromptConfig,
  type PromptSizes,
} from '../prompt-layout.js';
import { literals } from '../targeting-fields.js';

const fields = {
  ...promptFields,
  prompt_tuning_init: field(literals('RANDOM', 'SAMPLE_VOCAB', 'TEXT'), 'RANDOM'),
  prompt_tuning_init_text: nullable(t.string),
  tokenizer_kwargs: nullable(t.UnknownRecord),
  tokenizer_name_or_path: nullable(t.string),
} as const satisfies Fields;

type PromptTuningConfig = PromptConfig & Values<typeof fields>;

const validate = (c: PromptTuningConfig): Result<PromptTuningConfig> => {
  const text = c.prompt_tuning_init === 'TEXT';
  const needed = (f: 'tokenizer_name_or_path' | 'prompt_tuning_init_text'): ReadonlyArray<Problem> =>
    text && c[f] === null
      ? [problem(`adapter_config.json: ${f}`, 'a text, because prompt_tuning_init is "TEXT"', 'null')]
      : [];
  const stray =
    !text && c.tokenizer_kwargs !== null
      ? [
          problem(
            'adapter_config.json: tokenizer_kwargs',
            'null, because prompt_tuning_init is not "TEXT"',
            'an object',
          ),
        ]
      : [];
  return orProblems([...needed('tokenizer_name_or_path'), ...needed('prompt_tuning_init_text'), ...stray], () => c);
};

/** Rows of the input embedding at random tokens. */
const sampled = ({ spec, weights, key }: InitContext<PromptSizes>, n: number): Result<Tensor> => {
  const name = paramKey(spec.inputEmbedding ?? '', 'weight');
  const W = lookup(weights, name);
  if (W === undefined)
    return fail(`weights: ${name}`, 'the input embedding, whose rows start the prompt', 'no such tensor');
  const ids = Int32Array.from(uniformValues(key, n, 0, W.shape[0] as number), Math.floor);
  return E.right(tf.gather(W, tf.tensor1d(ids, 'int32')));
};

/** Prompt tuning. */
export const promptTuning: Method<PromptTuningConfig, PromptSizes> = {
  peftType: 'PROMPT_TUNING',
  reference: 'https://arxiv.org/abs/2104.08691',
  fields,
  validate,
  restructure: restructurePrompt,
  layout: (c, context) =>
    E.chain((sizes: PromptSizes) => softLayout(c, context, sizes))(promptSizes(c, context.spec, false)),
  init: (c, context) =>
    c.prompt_tuning_init === 'TEXT'
      ? fail(
          'adapter_config.json: prompt_tuning_init',
          '"RANDOM" or "SAMPLE_VOCAB"',
          '"TEXT"',
          'Weft has no tokenizer yet: start with "RANDOM" and set prompt_embeddings to the rows of your tokens.',
        )
      : initParams(context.layout, context.key, context.weights, (_site, _role, k, shape) =>
          c.prompt_tuning_init === 'SAMPLE_VOCAB' ? sampled(context, shape[0] as number) : E.right(normal(k, shape)),
        ),
  update: (c, { detail }, tensors) => softPrompt(c, detail, tensors['E'] as Tensor, false),
};

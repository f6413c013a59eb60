/**
 * LLaMA-Adapter: in the top layers, attention looks at trained virtual tokens beside the real ones, through a gate that starts
 * closed.
 *
 * Zhang et al., "LLaMA-Adapter: Efficient Fine-tuning of Language Models with Zero-init Attention", https://arxiv.org/abs/2303.16199
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import type { ModelSpec } from '../../models/spec.js';
import { normal } from '../../ops/random.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { fail, orProblems, problem, unsupported, type Result } from '../../problem.js';
import { modelPrefix } from '../auxiliary.js';
import { attentionKey } from '../branch.js';
import { nullable, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { Method } from '../method.js';
import { featuresOf, trainableParam } from '../module-layout.js';
import { layoutOfParts, type Part } from '../site.js';
import { positiveInt } from '../targeting-fields.js';

const fields = {
  adapter_layers: nullable(positiveInt),
  adapter_len: nullable(positiveInt),
  target_modules: nullable(t.string, 'the name of the attention modules, or null'),
} as const satisfies Fields;

type AdaptionPromptConfig = BaseConfig & Values<typeof fields>;

/** The attention modules of the model types that PEFT knows, and the layer that makes keys from hidden states. */
const attentionOf: Readonly<Record<string, { readonly module: string; readonly keys: string }>> = {
  llama: { module: 'self_attn', keys: 'k_proj' },
  mistral: { module: 'self_attn', keys: 'k_proj' },
  gpt2: { module: 'attn', keys: 'c_attn' },
};

const reason = 'attention to virtual tokens depends on the queries, which no single weight can hold';

const validate = (c: AdaptionPromptConfig): Result<AdaptionPromptConfig> =>
  orProblems(
    (['adapter_layers', 'adapter_len'] as const)
      .filter((name) => c[name] === null)
      .map((name) => problem(`adapter_config.json: ${name}`, 'an integer greater than 0', 'null')),
    () => c,
  );

/** An attention module and the width of its inputs. */
interface AttentionLayer {
  readonly module: string;
  readonly width: number;
}

/** The attention modules by their key layers, in the order of the model. */
const attentionLayers = (c: AdaptionPromptConfig, spec: ModelSpec): Result<ReadonlyArray<AttentionLayer>> => {
  const known = Object.hasOwn(attentionOf, spec.modelType ?? '') ? attentionOf[spec.modelType ?? ''] : undefined;
  if (known === undefined)
    return E.left([
      unsupported(
        'adapter_config.json: peft_type',
        `an adaption prompt on model type ${spec.modelType ?? 'unknown'}; PEFT has them for ${Object.keys(attentionOf).join(', ')}`,
      ),
    ]);
  const end = `.${c.target_modules ?? known.module}.${known.keys}`;
  return E.right(
    spec.modules
      .filter((m) => m.name.endsWith(end))
      .map((m) => ({ module: m.name.slice(0, -known.keys.length - 1), width: featuresOf(m).in })),
  );
};

const part = (module: string, n: number, width: number): Part<null> => {
  const tensors = { P: `${modelPrefix}${module}.adaption_prompt`, g: `${modelPrefix}${module}.adaption_gate` };
  return {
    site: { key: attentionKey(module), stored: [], module, tensors, detail: null },
    params: [trainableParam(tensors.P, [1, n, width]), trainableParam(tensors.g, [1])],
    algebra: 'routed',
    reason,
  };
};

/** LLaMA-Adapter. */
export const adaptionPrompt: Method<AdaptionPromptConfig, null> = {
  peftType: 'ADAPTION_PROMPT',
  reference: 'https://arxiv.org/abs/2303.16199',
  fields,
  validate,
  restructure: (_c, spec) => E.right({ spec, change: undefined }),
  layout: (c, { spec }) =>
    E.chain((layers: ReadonlyArray<AttentionLayer>) => {
      const count = c.adapter_layers as number;
      return layers.length < count
        ? fail('adapter_config.json: adapter_layers', `at most the ${layers.length} layers of the model`, String(count))
        : E.right(
            layoutOfParts(
              layers.slice(-count).map(({ module, width }) => part(module, c.adapter_len as number, width)),
              [],
            ),
          );
    })(attentionLayers(c, spec)),
  init: (_c, { layout, key, weights }) =>
    initParams(layout, key, weights, (_site, role, k, shape) =>
      E.right(role === 'P' ? normal(k, shape) : tf.zeros([...shape])),
    ),
  update: (_c, _site, { P, g }) => ({
    _tag: 'Branch',
    kind: 'PromptAttention',
    P: P as Tensor,
    g: g as Tensor,
    reason,
  }),
};

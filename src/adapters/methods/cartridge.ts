/**
 * Cartridge: a long text as a small trained KV cache; its first tokens are frozen.
 *
 * Eyuboglu et al., "Cartridges: Lightweight and general-purpose long context representations via self-study",
 * https://arxiv.org/abs/2506.06266
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import { normal } from '../../ops/random.js';
import { stopGradient } from '../../ops/stop-gradient.js';
import { scope } from '../../ops/backend.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { fail, orProblems, problem, type Result } from '../../problem.js';
import type { Leaf } from '../adapter.js';
import { field, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { Method } from '../method.js';
import {
  packPrefix,
  promptFields,
  promptLayout,
  promptSizes,
  restructurePrompt,
  unpackPrefix,
  type PromptConfig,
  type PromptSizes,
} from '../prompt-layout.js';

const fields = {
  ...promptFields,
  num_frozen_tokens: field(t.Integer, 1),
} as const satisfies Fields;

type CartridgeConfig = PromptConfig & Values<typeof fields>;

const name = 'prompt_embeddings';

const validate = (c: CartridgeConfig): Result<CartridgeConfig> => {
  const n = c.num_virtual_tokens ?? 0;
  const fits = c.num_frozen_tokens >= 0 && c.num_frozen_tokens <= n;
  return orProblems(
    fits
      ? []
      : [
          problem(
            'adapter_config.json: num_frozen_tokens',
            `a number from 0 to num_virtual_tokens (${n})`,
            String(c.num_frozen_tokens),
          ),
        ],
    () => c,
  );
};

/** The rows of E with the first f as constants. */
const frozen = (E_: Tensor, f: number): Tensor => {
  const [n, width] = E_.shape as [number, number];
  if (f === 0) return E_;
  const head = stopGradient(tf.slice(E_, [0, 0], [f, width]));
  return f === n ? head : tf.concat([head, tf.slice(E_, [f, 0], [n - f, width])], 0);
};

/** Cartridges. */
export const cartridge: Method<CartridgeConfig, PromptSizes> = {
  peftType: 'CARTRIDGE',
  reference: 'https://arxiv.org/abs/2506.06266',
  fields,
  validate,
  restructure: restructurePrompt,
  layout: (c, context) =>
    E.chain((sizes: PromptSizes) => promptLayout(c, context, { E: [name, [sizes.n, 2 * sizes.L * sizes.D]] }, sizes))(
      promptSizes(c, context.spec, true),
    ),
  init: (_c, { layout, key, weights }) =>
    initParams(layout, key, weights, (_site, _role, k, shape) => E.right(normal(k, shape))),
  update: (c, { detail }, tensors) => unpackPrefix(c, detail, frozen(tensors['E'] as Tensor, c.num_frozen_tokens)),
};

/**
 * A cartridge that starts as the first tokens of a cache: what a model has read becomes what is trained.
 *
 * @param leaf a cartridge or prefix whose sizes are kept
 * @param cache keys and values of one sequence of at least as many tokens, as a model's `run` gives them
 */
export const fromCache = (leaf: Leaf, cache: ReadonlyArray<{ readonly k: Tensor; readonly v: Tensor }>): Leaf => {
  const n = leaf.params[name]?.shape[0] ?? 0;
  return { ...leaf, params: scope(() => ({ ...leaf.params, [name]: packPrefix(cache, n) })) };
};

const shared = ['task_type', 'token_dim', 'num_layers', 'num_attention_heads', 'num_transformer_submodules'] as const;

/**
 * Two or more cartridges as one, their tokens one after the other; frozen tokens as in the first.
 *
 * Its file is what PEFT's `compose_cartridge_adapters` writes. Errors: fewer than two, or sizes that differ.
 */
export const joinCartridges = (leaves: ReadonlyArray<Leaf>): Result<Leaf> => {
  const [first, ...rest] = leaves;
  if (first === undefined || rest.length === 0) return fail('cartridges', 'at least two', String(leaves.length));
  const config = first.config as CartridgeConfig;
  const problems = rest.flatMap((leaf, i) => {
    const other = leaf.config as CartridgeConfig;
    return shared
      .filter((f) => other[f] !== config[f])
      .map((f) => problem(`cartridge ${i + 2}: ${f}`, `${String(config[f])}, as in the first`, String(other[f])));
  });
  return orProblems(problems, () => {
    const E_ = tf.concat(
      leaves.map((leaf) => leaf.params[name] as Tensor),
      0,
    );
    const n = E_.shape[0] as number;
    const joined: CartridgeConfig = { ...config, num_virtual_tokens: n };
    const sites = first.sites.map((site) => ({ ...site, detail: { ...(site.detail as PromptSizes), n } }));
    return { ...first, config: joined, sites, params: { ...first.params, [name]: E_ } };
  });
};

/**
 * LoRA: W' = W + s B A, with B [out, r], A [r, in] and s = alpha / r (alpha / sqrt(r) with rsLoRA).
 *
 * Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", https://arxiv.org/abs/2106.09685;
 * DoRA: Liu et al., https://arxiv.org/abs/2402.09353; rsLoRA: Kalajdzievski, https://arxiv.org/abs/2312.03732.
 */
import { E, F } from '../../../fp.js';
import { replicateLayers } from '../../../models/spec-of.js';
import type { ModelSpec } from '../../../models/spec.js';
import { keyFor } from '../../../ops/random.js';
import type { Result } from '../../../problem.js';
import { untieSaved } from '../../auxiliary.js';
import type { Method, Restructured, UpdateOptions } from '../../method.js';
import { likeLora } from '../../targets/defaults.js';
import { selectSaved } from '../../targets/match.js';
import { treeChange, unchangedSources } from '../../tree.js';
import { activated } from './activated.js';
import { loraFields, type LoraConfig } from './config.js';
import { initLora } from './init.js';
import { loraLayout } from './layout.js';
import { loraUpdate, type LoraDetail } from './update.js';
import { validateLora } from './validate.js';

/** The module tree that a config asks for: replicated layers, and ties cut where one side is saved as a copy. */
const restructure = (config: LoraConfig, base: ModelSpec): Result<Restructured> =>
  F.pipe(
    E.Do,
    E.bind('tree', () =>
      config.layer_replication === null
        ? E.right({ spec: base, sources: unchangedSources(base) })
        : replicateLayers(base, config.layer_replication),
    ),
    E.bind('saved', ({ tree }) => selectSaved(config, tree.spec)),
    E.map(({ tree, saved }) => {
      const untied = untieSaved(tree.spec, config.ensure_weight_tying ? [] : saved.modules);
      return { spec: untied.spec, change: treeChange(base, { ...tree.sources, ...untied.sources }) };
    }),
  );

/** The same with randomness of a site's own. */
const optionsAt = (options: UpdateOptions, site: string): UpdateOptions =>
  options.routing?.key === undefined
    ? options
    : { ...options, routing: { ...options.routing, key: keyFor(options.routing.key, site) } };

/** LoRA, with DoRA and rsLoRA. */
export const lora: Method<LoraConfig, LoraDetail> = {
  peftType: 'LORA',
  reference: 'https://arxiv.org/abs/2106.09685',
  fields: loraFields,
  targets: { ...likeLora, refusesMamba: true },
  validate: validateLora,
  restructure,
  layout: loraLayout as Method<LoraConfig, LoraDetail>['layout'],
  init: initLora,
  update: (config, site, tensors, options) => {
    const tokens = config.alora_invocation_tokens;
    return loraUpdate(site.detail, tensors, optionsAt(options, site.key), (change) =>
      tokens === null ? change : activated(change, tokens, options.routing),
    );
  },
};

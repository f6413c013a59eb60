/**
 * Where LoRA acts on a model and which tensors its checkpoint holds.
 */
import { E, F } from '../../../fp.js';
import { paramKey, type ModelSpec, type ModuleSpec } from '../../../models/spec.js';
import { all, orProblems, problem, unsupported, type Problem, type Result } from '../../../problem.js';
import { savedModules, savedRows } from '../../auxiliary.js';
import { tellingTime, weightShapes } from '../../decomposing.js';
import type { LayoutContext } from '../../method.js';
import { moduleLayout, warned } from '../../module-layout.js';
import type { Layout, Part } from '../../site.js';
import { selectParameters, selectSaved, selectTokens, type TokenRows } from '../../targets/match.js';
import { patternValues, type PatternValues } from '../../targets/rank-pattern.js';
import type { LoraConfig } from './config.js';
import { moduleParts } from './module-parts.js';
import type { Strength } from './parts.js';
import { parameterParts } from './raw-parts.js';
import { startWarnings } from './starts.js';
import { variantOf } from './variants.js';

const strengthOf = (config: LoraConfig, ranks: PatternValues, alphas: PatternValues, name: string): Strength => {
  const r = ranks(name) ?? config.r;
  const alpha = alphas(name) ?? config.lora_alpha;
  return { r, s: alpha / (config.use_rslora ? Math.sqrt(r) : r) };
};

const moduleOfKey = (key: string): string => key.slice(0, Math.max(0, key.lastIndexOf('.')));

/** Problems of token rows and tied weights with what else the config trains. */
const clashes = (
  c: LoraConfig,
  spec: ModelSpec,
  tokens: ReadonlyArray<TokenRows>,
  modules: ReadonlyArray<ModuleSpec>,
  saved: ReadonlyArray<ModuleSpec>,
): ReadonlyArray<Problem> => {
  const savedKeys = new Set(savedModules(spec, saved).map((p) => p.site.key));
  const targeted = new Set(modules.map((m) => m.name));
  const clash = tokens.filter(([m]) => targeted.has(m.name) || savedKeys.has(paramKey(m.name, 'weight')));
  const shared = spec.ties.flat().filter((key) => savedKeys.has(key) || targeted.has(moduleOfKey(key)));
  return [
    ...clash.map(([m]) =>
      problem(
        `trainable_token_indices: ${m.name}`,
        'an embedding that nothing else adapts',
        'the same module in target_modules or modules_to_save',
      ),
    ),
    ...(c.ensure_weight_tying ? shared : []).map((key) =>
      unsupported('adapter_config.json: ensure_weight_tying', `true, and the tied ${key} is adapted`),
    ),
  ];
};

/**
 * The layout of a LoRA adapter on a module tree.
 *
 * Errors: targets that match nothing or modules that LoRA cannot act on, ranks that groups do not divide, token indices
 * outside the vocabulary, patterns outside the supported regular expressions.
 */
export const loraLayout = (c: LoraConfig, context: LayoutContext): Result<Layout> =>
  E.map((layout: Layout) => {
    const decomposed = layout.sites.filter(({ tensors }) => variantOf(c) === 'KaSA' && tensors['q'] !== undefined);
    return tellingTime(warned(layout, startWarnings(c)), weightShapes(context.spec, decomposed));
  })(
    moduleLayout(c, context, (modules) => {
      const { spec, targets } = context;
      return F.pipe(
        E.Do,
        E.bind('saved', () => selectSaved(c, spec)),
        E.bind('raw', () => selectParameters(c, spec, targets)),
        E.bind('tokens', () => selectTokens(c, spec)),
        E.bind('ranks', () => patternValues(c.rank_pattern, 'rank_pattern')),
        E.bind('alphas', () => patternValues(c.alpha_pattern, 'alpha_pattern')),
        E.bind('weights', ({ raw, ranks, alphas }) =>
          all([
            ...modules.map((m) => moduleParts(c, context, m, strengthOf(c, ranks, alphas, m.name))),
            ...raw.map(({ module, params }) =>
              parameterParts(spec, module, params, (name) => strengthOf(c, ranks, alphas, name)),
            ),
          ]),
        ),
        E.chain(({ saved, tokens, weights }) =>
          orProblems(clashes(c, spec, tokens, modules, saved.modules), (): ReadonlyArray<Part> => [
            ...weights.flat(),
            ...savedRows(spec, tokens),
          ]),
        ),
      );
    }),
  );

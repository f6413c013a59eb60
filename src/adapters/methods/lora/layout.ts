/**
 * Where LoRA acts on a model and which tensors its checkpoint holds.
 */
import { E, F } from '../../../fp.js';
import { paramKey } from '../../../models/spec.js';
import { all, orProblems, problem, unsupported, type Result } from '../../../problem.js';
import { idleBiases, savedBiases, savedEmbeddings, savedModules, savedRows } from '../../auxiliary.js';
import type { LayoutContext } from '../../method.js';
import { layoutOfParts, type Layout, type Part } from '../../site.js';
import { selectModules, selectParameters, selectSaved, selectTokens } from '../../targets/match.js';
import { patternValues, type PatternValues } from '../../targets/rank-pattern.js';
import type { LoraConfig } from './config.js';
import { moduleParts, parameterParts, type Strength } from './parts.js';

const strengthOf = (config: LoraConfig, ranks: PatternValues, alphas: PatternValues, name: string): Strength => {
  const r = ranks(name) ?? config.r;
  const alpha = alphas(name) ?? config.lora_alpha;
  return { r, s: alpha / (config.use_rslora ? Math.sqrt(r) : r) };
};

const moduleOfKey = (key: string): string => key.slice(0, Math.max(0, key.lastIndexOf('.')));

const biasMode = { none: 'none', all: 'all', lora_only: 'only' } as const;

/**
 * The layout of a LoRA adapter on a module tree.
 *
 * Errors: targets that match nothing or modules that LoRA cannot act on, ranks that groups do not divide, token indices
 * outside the vocabulary, patterns outside the supported regular expressions.
 */
export const loraLayout = (c: LoraConfig, { spec, has }: LayoutContext): Result<Layout> =>
  F.pipe(
    E.Do,
    E.bind('saved', () => selectSaved(c, spec)),
    E.bind('selected', () => selectModules(c, spec)),
    E.bind('raw', () => selectParameters(c, spec)),
    E.bind('tokens', () => selectTokens(c, spec)),
    E.bind('ranks', () => patternValues(c.rank_pattern, 'rank_pattern')),
    E.bind('alphas', () => patternValues(c.alpha_pattern, 'alpha_pattern')),
    E.bind('weights', ({ selected, raw, ranks, alphas }) =>
      all([
        ...selected.modules.map((m) => moduleParts(c, spec, m, strengthOf(c, ranks, alphas, m.name))),
        ...raw.map(({ module, params }) =>
          parameterParts(spec, module, params, (name) => strengthOf(c, ranks, alphas, name)),
        ),
      ]),
    ),
    E.chain(({ saved, selected, tokens, weights }) => {
      const savedKeys = new Set(savedModules(spec, saved.modules).map((p) => p.site.key));
      const targeted = new Set(selected.modules.map((m) => m.name));
      const clash = tokens.filter(([m]) => targeted.has(m.name) || savedKeys.has(paramKey(m.name, 'weight')));
      const shared = spec.ties.flat().filter((key) => savedKeys.has(key) || targeted.has(moduleOfKey(key)));
      return orProblems(
        [
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
        ],
        () =>
          layoutOfParts(
            [
              ...savedEmbeddings(spec, has, targeted, savedKeys),
              ...weights.flat(),
              ...savedRows(spec, tokens),
              ...savedBiases(spec, biasMode[c.bias as keyof typeof biasMode], targeted, savedKeys),
              ...savedModules(spec, saved.modules),
            ] as ReadonlyArray<Part>,
            [...saved.warnings, ...selected.warnings],
            c.bias === 'all' ? idleBiases(saved.modules, has) : [],
          ),
      );
    }),
  );

/**
 * LN tuning: the targeted modules, normalisation layers as a rule, are trained as whole copies that replace them.
 *
 * Zhao et al., "Tuning LayerNorm in Attention: Towards Efficient Multi-Modal LLM Finetuning", https://arxiv.org/abs/2312.11420
 */
import { E, F } from '../../fp.js';
import { paramKey, type ModelSpec, type ModuleSpec } from '../../models/spec.js';
import type { Shape } from '../../ops/tensor.js';
import type { Result } from '../../problem.js';
import { copiedParameter, modelPrefix, untieSaved, type AuxiliaryDetail } from '../auxiliary.js';
import type { BaseConfig, Fields, Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { Method, Restructured } from '../method.js';
import { moduleLayout } from '../module-layout.js';
import type { Part } from '../site.js';
import { excludeModules, targetModules } from '../targeting-fields.js';
import { lnTuningTargets } from '../targets/defaults/others.js';
import { selectModules, selectSaved } from '../targets/match.js';
import { treeChange, unchangedSources } from '../tree.js';

const fields = { ...targetModules, ...excludeModules } as const satisfies Fields;

type LnTuningConfig = BaseConfig & Values<typeof fields>;

const isBelow = (name: string, module: ModuleSpec): boolean => name.startsWith(`${module.name}.`);

/** Targets that do not lie below another one: a copy has all of its children. */
const outermost = (modules: ReadonlyArray<ModuleSpec>): ReadonlyArray<ModuleSpec> =>
  modules.filter((m) => !modules.some((other) => isBelow(m.name, other)));

/** PEFT takes the adapter's name out of a tensor's name only where it comes last but one, so children of a copy keep it. */
const copyName = (target: ModuleSpec, m: ModuleSpec, param: string): string => {
  const copies = `${modelPrefix}${target.name}.ln_tuning_layers`;
  return m === target ? `${copies}.${param}` : `${copies}.default${m.name.slice(target.name.length)}.${param}`;
};

const parts = (spec: ModelSpec, targets: ReadonlyArray<ModuleSpec>): ReadonlyArray<Part<AuxiliaryDetail>> =>
  outermost(targets).flatMap((target) =>
    spec.modules
      .filter((m) => m.name === target.name || isBelow(m.name, target))
      .flatMap((m) =>
        Object.entries(m.params).map(([param, shape]: readonly [string, Shape]) =>
          copiedParameter(spec, paramKey(m.name, param), m.name, copyName(target, m, param), shape),
        ),
      ),
  );

const rules = { defaults: lnTuningTargets };

/** A copy of a tied weight no longer shares it. */
const restructure = (c: LnTuningConfig, base: ModelSpec): Result<Restructured> =>
  F.pipe(
    E.Do,
    E.bind('saved', () => selectSaved(c, base)),
    E.bind('selected', () => selectModules(c, base, rules)),
    E.map(({ saved, selected }) => {
      const untied = untieSaved(base, [...saved.modules, ...selected.modules]);
      return { spec: untied.spec, change: treeChange(base, { ...unchangedSources(base), ...untied.sources }) };
    }),
  );

/** LN tuning. */
export const lnTuning: Method<LnTuningConfig, AuxiliaryDetail> = {
  peftType: 'LN_TUNING',
  reference: 'https://arxiv.org/abs/2312.11420',
  fields,
  targets: rules,
  validate: (c) => E.right(c),
  restructure,
  layout: (c, context) => moduleLayout(c, context, (modules) => E.right(parts(context.spec, modules))),
  init: (_c, { layout, key, weights }) =>
    initParams(layout, key, weights, (site) => {
      throw new TypeError(`${site.key}: every site is a copy`);
    }),
  update: (_c, site) => {
    throw new TypeError(`${site.key}: every site is a copy`);
  },
};

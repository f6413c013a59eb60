import { describe, expect, it } from 'vitest';
import {
  resolveTargets,
  selectModules,
  selectParameters,
  selectSaved,
  type Targeting,
} from '../../../src/adapters/targets/match.js';
import { matchModules } from '../../../src/adapters/targets/matching.js';
import { lora } from '../../../src/adapters/methods/lora/lora.js';
import { registry } from '../../../src/adapters/registry.js';
import { specOf } from '../../../src/models/spec-of.js';
import type { ModelSpec } from '../../../src/models/spec.js';
import { E } from '../../../src/fp.js';
import { problemsOf, right } from '../../setup/result.js';
import { fileOf } from '../../models/tree-text.js';
import { trees } from '../../models/trees.js';
import { runs } from './peft-runs.js';

const specFor = (base: string): ModelSpec => {
  const tree = trees[base] as (typeof trees)[string];
  return right(specOf(tree.config, fileOf(tree)));
};

const rules = lora.targets;
const llama = specFor('llama');
/** The same module in layers 1 to 9. */
const more = (m: ModelSpec['modules'][number]): ModelSpec['modules'] =>
  [1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => ({ ...m, name: m.name.replace('layers.0.', `layers.${i}.`) }));
const names = (modules: ReadonlyArray<{ readonly name: string }>): ReadonlyArray<string> => modules.map((m) => m.name);
const warnings = (config: Targeting, spec = llama): ReadonlyArray<string> =>
  right(selectModules(config, spec, rules)).warnings;
const problems = (config: Targeting, spec = llama) => problemsOf(selectModules(config, spec, rules));

describe('what PEFT does', () => {
  it.each(runs.map((run, i) => [i, run.base, JSON.stringify(run.config), run] as const))(
    '%i %s %s',
    (_i, base, _c, run) => {
      const spec = specFor(base);
      const { config } = run;
      const { targets, verdicts } = right(matchModules(config, spec, rules));
      expect(names(verdicts.flatMap(([m, verdict]) => (verdict === 'Matched' ? [m] : [])))).toEqual(run.modules);
      expect(names(right(selectSaved(config, spec)).modules)).toEqual(run.saved);
      expect(typeof targets === 'string' || targets === null ? targets : [...new Set(targets)].toSorted()).toEqual(
        run.targets,
      );

      const selected = selectModules(config, spec, rules);
      const clash = run.modules.some((m) => run.saved.includes(m));
      const empty = run.modules.length + run.params.length === 0 && run.targets !== 'dummy-target-modules';
      expect(E.isLeft(selected)).toBe(empty || clash);
      if (E.isRight(selected)) expect(names(selected.right.modules)).toEqual(run.modules);

      const params = selectParameters(config, spec, rules);
      const overlap = run.params.some((p) => run.modules.includes(p.slice(0, p.lastIndexOf('.'))));
      expect(E.isLeft(params)).toBe(overlap || (empty && (run.config.target_parameters ?? []).length > 0));
      if (run.params.length > 0 && !overlap)
        expect(right(params).flatMap((p) => p.params.map((name) => `${p.module.name}.${name}`))).toEqual(run.params);
    },
  );
});

describe('selectModules', () => {
  it('names what is near when nothing matches, for every entry at once', () => {
    const [first, second] = problems({ target_modules: ['q_prj', 'mlp.gate_prj'] });
    expect(first).toMatchObject({ at: 'adapter_config.json: target_modules', found: '"q_prj"' });
    expect(first?.hint).toMatch(/^Near names in the model: q_proj/);
    expect(second?.hint).toMatch(/^Near names in the model: mlp\.gate_proj/);
  });

  it('warns of an entry that matches nothing while others do', () => {
    expect(warnings({ target_modules: ['q_proj', 'w_proj'] })).toHaveLength(1);
    expect(warnings({ target_modules: ['q_proj', 'w_proj'] })[0]).toContain('"w_proj"');
    expect(warnings({ target_modules: ['q_proj', 'v_proj'], exclude_modules: ['v_proj'] })).toEqual([]);
    expect(warnings({ target_modules: ['q_proj'], exclude_modules: ['w_proj'] })).toEqual([
      'adapter_config.json: exclude_modules: no module was excluded',
    ]);
  });

  it('knows a regular expression in a list, and a name given as a regular expression', () => {
    expect(problems({ target_modules: ['.*q_proj'] })[0]?.hint).toContain(
      'must be a string, not a part of a list: ".*q_proj"',
    );
    expect(problems({ target_modules: 'q_proj' })[0]?.hint).toContain('write ["q_proj"]');
    expect(problems({ target_modules: '.*z_proj' })[0]?.hint).toContain('must match whole names');
  });

  it('says whether layers or exclusions left nothing', () => {
    expect(problems({ target_modules: ['q_proj'], layers_to_transform: [7] })[0]?.expected).toBe(
      '"q_proj" in the layers [7]',
    );
    expect(problems({ target_modules: ['q_proj'], exclude_modules: ['q_proj'] })[0]?.expected).toContain(
      'outside of exclude_modules',
    );
    expect(problems({ target_modules: 'all-linear', exclude_modules: '.*' })).toHaveLength(1);
    expect(problems({ target_modules: [] })).toHaveLength(1);
    expect(problems({ target_modules: [], target_parameters: ['experts.gate'] })[0]?.at).toContain('target_parameters');
  });

  it('counts what it does not explain', () => {
    const many = Array.from({ length: 500 }, (_, i) => `nothing_${i}`);
    expect(problems({ target_modules: many })).toHaveLength(21);
  });

  it('reports broken patterns of several fields at once', () => {
    const broken = problems({ target_modules: '(', exclude_modules: '[', modules_to_save: ['a)', 'norm'] });
    expect(broken.map((p) => p.at.split(':')[1]?.trim().split(',')[0])).toEqual([
      'exclude_modules',
      'modules_to_save',
      'target_modules',
    ]);
    expect(
      problems({ target_modules: ['q_proj'], layers_to_transform: 0, layers_pattern: '(layers)' })[0]?.hint,
    ).toContain('(?:');
  });

  it('needs targets where the architecture has no default', () => {
    const spec: ModelSpec = { ...llama, modelType: 'unheard-of' };
    expect(problems({}, spec)[0]?.found).toContain('unheard-of');
    expect(problemsOf(resolveTargets({}, llama, undefined))).toHaveLength(1);
    expect(right(resolveTargets({ target_parameters: ['x'] }, spec, rules))).toBeNull();
  });

  it('refuses what Mamba models cannot adapt', () => {
    const mamba = specFor('mamba');
    expect(problems({ target_modules: ['in_proj', 'out_proj', 'conv1d'] }, mamba)).toHaveLength(4);
    expect(problems({ target_modules: ['in_proj'] }, mamba)).toEqual([]);
  });

  it('does so for the methods that PEFT names', () => {
    const refuse = Object.values(registry).filter(
      ({ targets }) =>
        problemsOf(selectModules({ target_modules: ['out_proj'] }, specFor('mamba'), targets)).length > 0,
    );
    expect(refuse.map((m) => m.peftType).toSorted()).toEqual(['ADALORA', 'LORA', 'RANDLORA']);
  });

  it('makes long lists short, but for IA3, whose second list must stay a part of the first', () => {
    const layer = llama.modules.filter((m) => m.name.startsWith('model.layers.0.'));
    const spec: ModelSpec = { ...llama, modules: [...layer, ...layer.flatMap(more)] };
    const long = names(spec.modules.filter((m) => m.name.endsWith('_proj')));
    const keep = Object.values(registry).filter(
      (m) => m.targets !== undefined && right(resolveTargets({ target_modules: long }, spec, m.targets)) === long,
    );
    expect(keep.map((m) => m.peftType)).toEqual(['IA3']);
  });

  it('refuses modules that are targets and, by their bare ending, saved as a whole', () => {
    const [first] = problems({ target_modules: ['q_proj'], modules_to_save: ['proj'] });
    expect(first).toMatchObject({ unsupported: true });
  });

  it('leaves a model without config.json its classifier under all-linear', () => {
    const toy: ModelSpec = { ...llama, modelType: undefined };
    expect(names(right(selectModules({ target_modules: 'all-linear' }, toy, rules)).modules)).toContain('lm_head');
    expect(names(right(selectModules({ target_modules: 'all-linear' }, llama, rules)).modules)).not.toContain(
      'lm_head',
    );
  });
});

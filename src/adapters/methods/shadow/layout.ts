/**
 * Where ShadowPEFT acts: on whole decoder blocks, and beside them all.
 */
import { E, F } from '../../../fp.js';
import type { ModelSpec, ModuleSpec } from '../../../models/spec.js';
import type { Shape } from '../../../ops/tensor.js';
import { orProblems, problem, type Problem, type Result } from '../../../problem.js';
import { modelPrefix } from '../../auxiliary.js';
import type { LayoutContext } from '../../method.js';
import { moduleLayout, trainableParam } from '../../module-layout.js';
import type { Layout, Part } from '../../site.js';
import { blockKey, shadowKey } from '../../updates/shadow.js';
import { backboneOf, type Backbone } from './backbone.js';
import type { ShadowConfig } from './config.js';
import { layersPath } from './stack.js';

/** Where PEFT puts the shadow and its projection in its files. */
export const fileNames = {
  backbone: 'base_model.shadow_backbone.default.',
  projection: 'base_model.shadow_projection.default.weight',
} as const;

/** What ShadowPEFT knows of a site. */
export type ShadowDetail =
  { readonly _tag: 'Block' } | { readonly _tag: 'Shadow'; readonly spec: ModelSpec; readonly shared: boolean };

const reason = 'the shadow follows the hidden states of each input, which no single weight can hold';

/** The tensors of a block by role: the way into the block, and the networks T and G of the state. */
const blockTensors = (
  c: ShadowConfig,
  D: number,
): ReadonlyArray<readonly [role: string, suffix: string, shape: Shape]> => {
  const u = c.update_hidden_size || c.r;
  const network = (role: string, name: string) =>
    [
      [`${role}.W1`, `shadow_update_${name}.default.0.weight`, [u, D]],
      [`${role}.b1`, `shadow_update_${name}.default.0.bias`, [u]],
      [`${role}.W2`, `shadow_update_${name}.default.2.weight`, [D, u]],
      [`${role}.b2`, `shadow_update_${name}.default.2.bias`, [D]],
    ] as const;
  return [
    ['A', 'shadow_down.default.weight', [c.r, D]],
    ['B', 'shadow_up.default.weight', [D, c.r]],
    ...network('T', 'transform'),
    ...network('G', 'gate'),
  ];
};

const blockPart = (c: ShadowConfig, D: number, m: ModuleSpec): Part<ShadowDetail> => {
  const tensors = blockTensors(c, D).map(([role, suffix, shape]) => ({
    role,
    param: trainableParam(`${modelPrefix}${m.name}.${suffix}`, shape),
  }));
  return {
    site: {
      key: blockKey(m.name),
      stored: [],
      module: m.name,
      tensors: Object.fromEntries(tensors.map(({ role, param }) => [role, param.name])),
      detail: { _tag: 'Block' },
    },
    params: tensors.map(({ param }) => param),
    algebra: 'routed',
    reason,
  };
};

/** The role of the projection; those of the shadow's parameters are their keys. */
export const PROJECTION = 'P';

const shadowPart = (b: Backbone): Part<ShadowDetail> => {
  const own = b.params.map(({ key, name, shape, trainable }) => ({
    key,
    param: { ...trainableParam(fileNames.backbone + name, shape), trainable },
  }));
  const projection = b.projected
    ? [{ key: PROJECTION, param: trainableParam(fileNames.projection, [b.baseWidth, b.width]) }]
    : [];
  const all = [...own, ...projection];
  return {
    site: {
      key: shadowKey,
      stored: [],
      module: shadowKey,
      tensors: Object.fromEntries(all.map(({ key, param }) => [key, param.name])),
      detail: { _tag: 'Shadow', spec: b.spec, shared: b.shared },
    },
    params: all.map(({ param }) => param),
    algebra: 'routed',
    reason,
  };
};

/** The numbers of blocks among a model's layers; `undefined` for other modules. */
const numberOf = (path: string, { name }: ModuleSpec): number | undefined => {
  const rest = name.startsWith(`${path}.`) ? name.slice(path.length + 1) : '';
  return /^\d+$/.test(rest) ? Number(rest) : undefined;
};

const blockProblems = (path: string, modules: ReadonlyArray<ModuleSpec>): ReadonlyArray<Problem> => {
  const others = modules.filter((m) => numberOf(path, m) === undefined);
  const numbers = modules.flatMap((m) => numberOf(path, m) ?? []).toSorted((a, b) => a - b);
  const gap = numbers.findIndex((n, i) => i > 0 && n !== (numbers[i - 1] as number) + 1);
  return [
    ...others.map((m) =>
      problem(
        `target_modules: ${m.name}`,
        `whole decoder blocks, such as ${path}.0`,
        `a module of kind ${m.kind}`,
        'Narrow target_modules or use exclude_modules.',
      ),
    ),
    ...(gap < 1
      ? []
      : [
          problem(
            'adapter_config.json: target_modules',
            'blocks that follow each other, because the state goes from one to the next',
            `${path}.${numbers[gap]} after ${path}.${numbers[gap - 1]}`,
          ),
        ]),
  ];
};

/** The layout of ShadowPEFT: each block, and the shadow. */
export const shadowLayout = (c: ShadowConfig, context: LayoutContext): Result<Layout<ShadowDetail>> =>
  F.pipe(
    backboneOf(c, context.spec),
    E.chain((b) =>
      moduleLayout<ShadowConfig, ShadowDetail>(c, context, (modules) =>
        orProblems(blockProblems(layersPath(context.spec) ?? '', modules), () => [
          shadowPart(b),
          ...modules.map((m) => blockPart(c, b.baseWidth, m)),
        ]),
      ),
    ),
  );

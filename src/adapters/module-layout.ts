/**
 * The layout of a method that acts on modules: its own sites, and what its checkpoint saves beside them.
 */
import { E, F } from '../fp.js';
import { ownerOf, paramKey, type ModelSpec, type ModuleKind, type ModuleSpec } from '../models/spec.js';
import { showShape, sizeOf, type Shape } from '../ops/tensor.js';
import { all, fail, type Result } from '../problem.js';
import { idleBiases, modelPrefix, savedBiases, savedEmbeddings, savedModules, untieSaved } from './auxiliary.js';
import type { BaseConfig } from './config.js';
import type { LayoutContext, Restructured } from './method.js';
import { layoutOfParts, type Layout, type ParamSpec, type Part, type Site } from './site.js';
import { selectModules, selectSaved, type Targeting } from './targets/match.js';
import { treeChange, unchangedSources } from './tree.js';
import type { Algebra } from './updates/traits.js';

/** A config with targeting fields, and maybe `bias`. */
export type TargetingConfig = BaseConfig & Targeting & { readonly bias?: string };

/** A trainable tensor that the file must hold. */
export const trainableParam = (name: string, shape: Shape): ParamSpec => ({
  name,
  shape,
  trainable: true,
  optional: false,
});

/** Features of a module as PEFT counts them, whatever its storage layout. */
export interface Features {
  readonly out: number;
  readonly in: number;
  /** The weight is stored (in, out), as in Conv1D; a guessed Linear may be one, and then `fan_in_fan_out` says so. */
  readonly transposed: boolean;
}

/** in and out of a module with a weight of two axes or a convolution; an embedding's are (V, D). */
export const featuresOf = (m: ModuleSpec, fanInFanOut = false): Features => {
  const [rows = 0, columns = 0] = m.params['weight'] ?? [];
  const transposed = m.kind === 'Conv1D' || (m.kind === 'Linear' && m.inferred === true && fanInFanOut);
  if (transposed || m.kind === 'Embedding') return { out: columns, in: rows, transposed };
  return { out: rows, in: columns * (m.conv?.groups ?? 1), transposed };
};

/**
 * Columns of a weight [out, ...] as a matrix: the inputs of a Linear, channels times kernel of a Conv2d. Methods that turn
 * them act on kinds from `kinds`; PEFT knows neither groups nor oblong kernels there.
 */
export const inputColumns = (m: ModuleSpec, kinds: ReadonlyArray<ModuleKind>): Result<number> => {
  if (!kinds.includes(m.kind)) return unfit(m, `a ${kinds.join(' or ')}`);
  const { in: inputs } = featuresOf(m);
  if (m.conv === undefined) return E.right(inputs);
  const { kernel, groups } = m.conv;
  return groups === 1 && kernel.every((k) => k === kernel[0])
    ? E.right(inputs * sizeOf(kernel))
    : fail(
        `target_modules: ${m.name}`,
        'a convolution with a square kernel and one group',
        `kernel ${showShape(kernel)}, ${groups} groups`,
        'Narrow target_modules or use exclude_modules.',
      );
};

/**
 * A part that changes one parameter of a module by the tensors `<module>.<suffix>`, one for each role. One that the module
 * lacks (a bias) is changed beside the weights alone.
 */
export const paramPart = <D>(
  spec: ModelSpec,
  m: ModuleSpec,
  param: string,
  tensors: Readonly<Record<string, readonly [suffix: string, shape: Shape]>>,
  detail: D,
  algebra: Algebra,
  reason?: string,
): Part<D> => {
  const key = paramKey(m.name, param);
  const entries = Object.entries(tensors).map(
    ([role, [suffix, shape]]) => [role, `${modelPrefix}${m.name}.${suffix}`, shape] as const,
  );
  const site: Site<D> = {
    key,
    // PEFT changes a tied weight in place, so the owner changes with its alias.
    stored: m.params[param] === undefined ? [] : [ownerOf(spec, key)],
    module: m.name,
    tensors: Object.fromEntries(entries.map(([role, name]) => [role, name])),
    detail,
  };
  return {
    site,
    params: entries.map(([, name, shape]) => trainableParam(name, shape)),
    algebra,
    ...(reason === undefined ? {} : { reason }),
  };
};

/** A part that changes a module's `weight` by the tensors `<module>.<suffix>`, one for each role. */
export const weightPart = <D>(
  spec: ModelSpec,
  m: ModuleSpec,
  tensors: Readonly<Record<string, readonly [suffix: string, shape: Shape]>>,
  detail: D,
  algebra: Algebra,
  reason?: string,
): Part<D> => paramPart(spec, m, 'weight', tensors, detail, algebra, reason);

/** A part whose update reads the weight that it changes, as `W`. */
export const readingWeight = <D>(part: Part<D>): Part<D> => ({
  ...part,
  site: { ...part.site, reads: { ...part.site.reads, W: part.site.stored[0] ?? part.site.key } },
});

/** A target of a kind that the method does not act on. */
export const unfit = (m: ModuleSpec, kinds: string): Result<never> =>
  fail(
    `target_modules: ${m.name}`,
    kinds,
    `a module of kind ${m.kind}`,
    'Narrow target_modules or use exclude_modules.',
  );

const biasMode = (bias: string | undefined): 'none' | 'all' | 'only' =>
  bias === undefined || bias === 'none' ? 'none' : bias === 'all' ? 'all' : 'only';

/**
 * The layout of a method that acts on targeted modules.
 *
 * @param partsOf the method's own parts on all targeted modules
 */
export const moduleLayout = <C extends TargetingConfig, D>(
  c: C,
  { spec, has, targets }: LayoutContext,
  partsOf: (modules: ReadonlyArray<ModuleSpec>) => Result<ReadonlyArray<Part<D>>>,
): Result<Layout<D>> =>
  F.pipe(
    E.Do,
    E.bind('saved', () => selectSaved(c, spec)),
    E.bind('selected', () => selectModules(c, spec, targets)),
    E.bind('own', ({ selected }) => partsOf(selected.modules)),
    E.map(({ saved, selected, own }) => {
      const copies = savedModules(spec, saved.modules);
      const savedKeys = new Set(copies.map((p) => p.site.key));
      const targeted = new Set(selected.modules.map((m) => m.name));
      const parts: ReadonlyArray<Part> = [
        ...savedEmbeddings(spec, has, targeted, savedKeys),
        ...own,
        ...savedBiases(spec, biasMode(c.bias), targeted, savedKeys),
        ...copies,
      ];
      const idle = c.bias === 'all' ? idleBiases(saved.modules, has) : [];
      return layoutOfParts(parts as ReadonlyArray<Part<D>>, [...saved.warnings, ...selected.warnings], idle);
    }),
  );

/** A layout with more warnings. */
export const warned = <D>(layout: Layout<D>, warnings: ReadonlyArray<string>): Layout<D> => ({
  ...layout,
  warnings: [...layout.warnings, ...warnings],
});

/** `moduleLayout` for parts that come module by module. */
export const eachModule =
  <D>(partsOf: (m: ModuleSpec) => Result<ReadonlyArray<Part<D>>>) =>
  (modules: ReadonlyArray<ModuleSpec>): Result<ReadonlyArray<Part<D>>> =>
    E.map((parts: ReadonlyArray<ReadonlyArray<Part<D>>>) => parts.flat())(all(modules.map(partsOf)));

/** The module tree of most methods: the base's, with ties cut where one side is saved as a copy. */
export const restructureSaved = (c: TargetingConfig, base: ModelSpec): Result<Restructured> =>
  E.map((saved: { readonly modules: ReadonlyArray<ModuleSpec> }) => {
    const untied = untieSaved(base, saved.modules);
    return { spec: untied.spec, change: treeChange(base, { ...unchangedSources(base), ...untied.sources }) };
  })(selectSaved(c, base));

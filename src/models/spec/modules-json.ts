/**
 * A module tree from a description of a torch model: its modules' class names and attributes.
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import { lookup, recordOf, showShape, type Shape } from '../../ops/tensor.js';
import { all, fail, orProblems, problem, type Result } from '../../problem.js';
import type { ConvGeometry, ModelSpec, ModuleKind, ModuleSpec } from '../spec.js';

const Axes = t.readonlyArray(t.Integer);

/** Attributes of a module, as Python's `vars(module)` gives them. */
const ModuleAttributes = t.intersection([
  t.type({ kind: t.string }),
  t.partial({
    kernel_size: Axes,
    stride: Axes,
    padding: t.union([Axes, t.string]),
    dilation: Axes,
    groups: t.Integer,
    padding_mode: t.string,
    num_heads: t.Integer,
  }),
]);

const ModulesJson = t.type({ model: t.string, modules: t.record(t.string, ModuleAttributes) });

type Attributes = t.TypeOf<typeof ModuleAttributes>;

const SAME: ReadonlyArray<ModuleKind> = [
  'Linear',
  'Conv1D',
  'Conv1d',
  'Conv2d',
  'Conv3d',
  'Embedding',
  'LayerNorm',
  'RMSNorm',
  'MultiheadAttention',
];

/** The kind of a torch class; subclasses by name, unknown classes by whether they own parameters. */
const kindOfClass = (name: string, owns: boolean): ModuleKind => {
  if (name === 'NonDynamicallyQuantizableLinear') return 'Linear';
  if (name.endsWith('RMSNorm')) return 'RMSNorm';
  return SAME.find((kind) => kind === name) ?? (owns ? 'Parameters' : 'Other');
};

/** torch's "same" pads d (k - 1) in all, which must be even to be the same on both sides. */
const paddingOf = (a: Attributes, kernel: Shape, dilation: Shape): Shape | undefined => {
  if (a.padding === undefined || a.padding === 'valid') return kernel.map(() => 0);
  if (typeof a.padding !== 'string') return a.padding;
  const total = kernel.map((k, i) => (dilation[i] as number) * (k - 1));
  return a.padding === 'same' && total.every((p) => p % 2 === 0) ? total.map((p) => p / 2) : undefined;
};

const geometryOf = (name: string, a: Attributes, weight: Shape): Result<ConvGeometry> => {
  const kernel = a.kernel_size ?? weight.slice(2);
  const ones = kernel.map(() => 1);
  const dilation = a.dilation ?? ones;
  const padding = paddingOf(a, kernel, dilation);
  const stride = a.stride ?? ones;
  if (padding === undefined || (a.padding_mode ?? 'zeros') !== 'zeros')
    return fail(
      `modules.json: ${name}`,
      'zeros as padding, the same on both sides',
      `${a.padding_mode ?? 'zeros'}, ${String(a.padding)}`,
    );
  const fits = [kernel, stride, padding, dilation].every((axes) => axes.length === weight.length - 2);
  return fits
    ? E.right({ kernel, stride, padding, dilation, groups: a.groups ?? 1 })
    : fail(
        `modules.json: ${name}`,
        `${weight.length - 2} axes in kernel_size, stride, padding and dilation`,
        showShape(kernel),
      );
};

const moduleFrom = (name: string, a: Attributes, params: Readonly<Record<string, Shape>>): Result<ModuleSpec> => {
  const kind = kindOfClass(a.kind, Object.keys(params).length > 0);
  const weight = lookup(params, 'weight');
  const spec: ModuleSpec = {
    name,
    kind,
    params,
    ...(kind === 'MultiheadAttention' ? { heads: a.num_heads ?? 1 } : {}),
  };
  if (kind !== 'Conv1d' && kind !== 'Conv2d' && kind !== 'Conv3d') return E.right(spec);
  if (weight === undefined || weight.length !== Number(kind[4]) + 2)
    return fail(
      `modules.json: ${name}`,
      `a weight with ${Number(kind[4]) + 2} axes for ${kind}`,
      weight === undefined ? 'none' : showShape(weight),
    );
  const conv = geometryOf(name, a, weight);
  return E.isLeft(conv) ? conv : E.right({ ...spec, conv: conv.right });
};

const PARAM_ORDER = [
  'weight',
  'bias',
  'in_proj_weight',
  'q_proj_weight',
  'k_proj_weight',
  'v_proj_weight',
  'in_proj_bias',
  'bias_k',
  'bias_v',
];

const place = (param: string): number =>
  PARAM_ORDER.includes(param) ? PARAM_ORDER.indexOf(param) : PARAM_ORDER.length;

/** Shapes by module and parameter. */
const paramsByModule = (
  shapes: Readonly<Record<string, Shape>>,
): ReadonlyMap<string, ReadonlyArray<readonly [string, Shape]>> => {
  const out = new Map<string, Array<readonly [string, Shape]>>();
  for (const key of Object.keys(shapes)) {
    const dot = key.lastIndexOf('.');
    const module = key.slice(0, Math.max(dot, 0));
    out.set(module, [...(out.get(module) ?? []), [key.slice(dot + 1), shapes[key] as Shape]]);
  }
  return new Map([...out].map(([m, ps]) => [m, ps.toSorted(([a], [b]) => place(a) - place(b))]));
};

/** Statistics that norms keep beside their parameters. */
const isBuffer = (key: string): boolean => /(^|\.)(running_mean|running_var|num_batches_tracked)$/.test(key);

/**
 * The spec of a model given as `{ model, modules: { path: { kind, ...attributes } } }` in `named_modules()` order, and the
 * shapes of its parameters. Classes that Weft does not know but that own parameters become `Parameters`. Problems: another
 * structure, tensors of modules that are not listed, convolutions with another padding than zeros.
 */
export const specFromModules = (json: unknown, shapes: Readonly<Record<string, Shape>>): Result<ModelSpec> => {
  const decoded = ModulesJson.decode(json);
  if (E.isLeft(decoded))
    return fail('modules.json', '{ model, modules } with a kind for each module', 'another structure');
  const { model, modules } = decoded.right;
  const params = paramsByModule(
    recordOf(
      Object.keys(shapes)
        .filter((k) => !isBuffer(k))
        .map((k) => [k, shapes[k] as Shape] as const),
    ),
  );
  const unlisted = [...params.keys()].filter((name) => !Object.hasOwn(modules, name));
  const listed = orProblems(
    unlisted.map((name) => problem('modules.json', 'every module that owns tensors', `no "${name}"`)),
    () => modules,
  );
  if (E.isLeft(listed)) return listed;
  const specs = all(
    Object.keys(modules).map((name) => moduleFrom(name, modules[name] as Attributes, recordOf(params.get(name) ?? []))),
  );
  return E.isLeft(specs)
    ? specs
    : E.right({
        modelType: undefined,
        className: model,
        modules: specs.right,
        ties: [],
        inputEmbedding: undefined,
        outputEmbedding: undefined,
        fileKeys: recordOf([]),
        config: {},
      });
};

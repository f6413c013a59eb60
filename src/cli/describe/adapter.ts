/**
 * An adapter folder in words: what its config says, and with a base model what it would do to it.
 */
import type { Leaf } from '../../adapters/adapter.js';
import { isMergeable } from '../../adapters/combine.js';
import { decodeConfig, type BaseConfig, type Decoded } from '../../adapters/config.js';
import { configRecord, decodeAdapter, type AdapterFiles, type DecodedAdapter } from '../../adapters/decode.js';
import { withModel } from '../../adapters/nested.js';
import { countTrainable, print } from '../../adapters/print.js';
import { registry } from '../../adapters/registry.js';
import { E } from '../../fp.js';
import type { ModelSpec } from '../../models/spec.js';
import { renderProblems, unsupported, type Problem, type Problems, type Result } from '../../problem.js';
import type { Report } from '../command.js';
import { problemJson } from '../problems.js';
import { showCount } from '../quantities.js';
import { printable } from '../style.js';
import { facts } from '../table.js';
import { amountsOf, showDtypes, showParameters } from './tensors.js';

type Json = Readonly<Record<string, unknown>>;

/** What the two files say without a base model. */
interface FromFiles {
  readonly json: Json;
  readonly config: BaseConfig;
  readonly warnings: ReadonlyArray<string>;
  /** Why this version cannot apply it, where it cannot. */
  readonly obstacles: Problems | undefined;
}

const notYet = (type: string): Problem =>
  unsupported('adapter_config.json: peft_type', type, `Methods of this version: ${Object.keys(registry).join(', ')}.`);

/** The config by its method's codec, or, where there is no such method yet, only the fields that all methods have. */
const decodeAny = (json: Json, files: AdapterFiles): Result<FromFiles> => {
  const method = registry[String(json['peft_type'])];
  const whole = method === undefined ? json : withModel(method, json, files.model);
  const decoded = decodeConfig(method?.fields ?? {}, whole, files.floats);
  return E.map(({ config, warnings }: Decoded<BaseConfig>): FromFiles => {
    // Without a method no field can be told from an unknown one.
    if (method === undefined) return { json, config, warnings: [], obstacles: [notYet(config.peft_type)] };
    const valid = method.validate(config) as Result<BaseConfig>;
    return { json, config, warnings, obstacles: E.isLeft(valid) ? valid.left : undefined };
  })(decoded);
};

const showTargets = (value: unknown): string | undefined => {
  if (value === undefined || value === null) return undefined;
  const list = Array.isArray(value) ? value.map(String) : [String(value)];
  const shown = list.length > 8 ? [...list.slice(0, 7), `and ${list.length - 7} more`] : list;
  return printable(shown.join(', '));
};

const numberField = (json: Json, ...names: ReadonlyArray<string>): number | null => {
  const value = names.map((name) => json[name]).find((v) => typeof v === 'number');
  return typeof value === 'number' ? value : null;
};

const targetFields = ['target_modules', 'target_parameters', 'modules_to_save', 'trainable_token_indices'] as const;

const againstBase = (leaf: Leaf): { readonly json: Json; readonly rows: ReadonlyArray<readonly [string, string]> } => {
  const merges = isMergeable(leaf);
  return {
    json: {
      expression: print(leaf),
      algebra: leaf.algebra,
      mergeable: merges,
      reasons: leaf.reasons,
      trainable: countTrainable(leaf),
    },
    rows: [
      ['expression', printable(print(leaf))],
      ['algebra', [leaf.algebra, ...leaf.reasons].map(printable).join('; ')],
      ['mergeable', merges ? 'yes' : 'no'],
      ['trainable', `${showCount(countTrainable(leaf))} parameters`],
    ],
  };
};

/**
 * An adapter folder: method, rank and alpha, targets, parameters, dtypes, warnings, and whether this version can apply it.
 *
 * Problems: a config that is none, fields of the wrong type, and with a base whatever does not fit it.
 *
 * @param base the module tree to check the adapter against, if any
 */
export const describeAdapter = (path: string, files: AdapterFiles, base: ModelSpec | undefined): Result<Report> => {
  const known = E.chain((json: Json) => decodeAny(json, files))(configRecord(files.config));
  if (E.isLeft(known)) return known;
  const { json, config, obstacles } = known.right;
  const checked: Result<DecodedAdapter | undefined> =
    base === undefined ? E.right(undefined) : decodeAdapter(files, base);
  if (E.isLeft(checked)) return checked;
  const fit = checked.right === undefined ? undefined : againstBase(checked.right.adapter);
  const warnings = checked.right?.warnings ?? known.right.warnings;
  const amounts = amountsOf(files.tensors.values());
  const [rank, alpha] = [
    numberField(json, 'r', 'rank'),
    numberField(json, `${config.peft_type.toLowerCase()}_alpha`, 'alpha'),
  ];
  return E.right({
    json: {
      kind: 'adapter',
      path,
      method: config.peft_type,
      supported: obstacles === undefined,
      problems: (obstacles ?? []).map(problemJson),
      rank,
      alpha,
      ...Object.fromEntries(targetFields.map((name) => [name, json[name] ?? null])),
      taskType: config.task_type,
      baseModel: config.base_model_name_or_path,
      revision: config.revision,
      peftVersion: config.peft_version,
      ...amounts,
      ...fit?.json,
      warnings,
    },
    lines: [
      `adapter ${printable(path)}`,
      ...facts([
        ['method', printable(config.peft_type)],
        ['supported', obstacles === undefined ? undefined : `no: ${printable(renderProblems(obstacles))}`],
        ['rank', rank === null ? undefined : String(rank)],
        ['alpha', alpha === null ? undefined : String(alpha)],
        ...targetFields.map((name) => [name.replaceAll('_', ' '), showTargets(json[name])] as const),
        ['parameters', showParameters(amounts)],
        ['dtypes', showDtypes(amounts)],
        ['task type', config.task_type ?? undefined],
        ['base model', config.base_model_name_or_path === null ? undefined : printable(config.base_model_name_or_path)],
        ['peft', config.peft_version === null ? undefined : printable(config.peft_version)],
        ...(fit?.rows ?? []),
      ]),
      ...warnings.map((w) => `warning ${printable(w)}`),
    ],
  });
};

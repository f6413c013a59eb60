/**
 * adapter_config.json: PEFT's own field names and defaults, decoded with every problem at once.
 */
import * as t from 'io-ts';
import { E } from '../fp.js';
import { pythonJson } from '../io/python-json.js';
import { all, fail, type Result } from '../problem.js';

/** One field of a config: its decoder, the value when it is missing, and whether Python writes it as a float. */
export interface Field<A> {
  readonly codec: t.Decoder<unknown, A>;
  readonly fallback: A;
  readonly float: boolean;
  /** What the file holds for a value, where that is not the value itself. */
  readonly written?: (value: never) => unknown;
}

/** Fields by name. */
export type Fields = Readonly<Record<string, Field<unknown>>>;

/** The values of some fields. */
export type Values<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer A> ? A : never };

/** A field with its default. */
export const field = <A>(codec: t.Decoder<unknown, A>, fallback: NoInfer<A>): Field<A> => ({
  codec,
  fallback,
  float: false,
});

/** A number that Python keeps as a float: 0 is written as 0.0. */
export const floatField = (codec: t.Decoder<unknown, number>, fallback: number): Field<number> => ({
  codec,
  fallback,
  float: true,
});

/** A field that may be null, and is by default. */
export const nullable = <A>(codec: t.Type<A, A, unknown>, name = `${codec.name} or null`): Field<A | null> =>
  field<A | null>(t.union([codec, t.null], name), null);

/** Task types that PEFT knows. */
export const taskTypes = [
  'SEQ_CLS',
  'SEQ_2_SEQ_LM',
  'CAUSAL_LM',
  'TOKEN_CLS',
  'QUESTION_ANS',
  'FEATURE_EXTRACTION',
] as const;

/** The version of PEFT whose files new adapters are; PEFT does not read some configs without one. */
export const peftVersion = '0.21.0';

const taskType = t.keyof(
  Object.fromEntries(taskTypes.map((k) => [k, null])) as Record<(typeof taskTypes)[number], null>,
);

/** The fields that every method has. */
export const baseFields = {
  auto_mapping: nullable(t.UnknownRecord),
  base_model_name_or_path: nullable(t.string),
  inference_mode: field(t.boolean, false),
  peft_version: nullable(t.string),
  revision: nullable(t.string),
  task_type: nullable(taskType),
} as const satisfies Fields;

/** A decoded config: PEFT's field names, defaults filled in. */
export type BaseConfig = Values<typeof baseFields> & {
  readonly peft_type: string;
  /** Fields that no version known to Weft has; kept and written back. */
  readonly unknown_fields: Readonly<Record<string, unknown>>;
  /** Paths of the numbers that the file spelled as floats (`16.0`), so that it is written back alike; absent after init. */
  readonly float_paths: ReadonlyArray<string> | undefined;
};

/** A config and what is worth telling about it. */
export interface Decoded<C> {
  readonly config: C;
  readonly warnings: ReadonlyArray<string>;
}

const at = (name: string): string => `adapter_config.json: ${name}`;

/** A value of a file, in a problem. */
export const show = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
};

const decodeField = (name: string, f: Field<unknown>, json: Readonly<Record<string, unknown>>): Result<unknown> => {
  if (!Object.hasOwn(json, name)) return E.right(f.fallback);
  const decoded = f.codec.decode(json[name]);
  return E.isRight(decoded) ? decoded : fail(at(name), f.codec.name, show(json[name]));
};

/** Fields that PEFT drops on load and on save. */
const dropped: ReadonlySet<string> = new Set(['runtime_config', 'peft_type']);

/**
 * Decodes some fields and the common ones: missing ones get their defaults, unknown ones are kept with a warning.
 *
 * @param json adapter_config.json as parsed; untrusted
 * @param floats paths of the numbers that the file spelled as floats, where it is known
 * @returns all problems, or the config
 */
export const decodeConfig = (
  fields: Fields,
  json: Readonly<Record<string, unknown>>,
  floats?: ReadonlySet<string>,
): Result<Decoded<BaseConfig>> => {
  const known: Fields = { ...baseFields, ...fields };
  const names = Object.keys(known);
  const unknown = Object.keys(json).filter((k) => !Object.hasOwn(known, k) && !dropped.has(k) && !k.startsWith('_'));
  const values = all(names.map((name) => decodeField(name, known[name] as Field<unknown>, json)));
  return E.isLeft(values)
    ? values
    : E.right({
        config: {
          ...(Object.fromEntries(names.map((name, i) => [name, values.right[i]])) as Values<typeof baseFields>),
          peft_type: String(json['peft_type']),
          unknown_fields: Object.fromEntries(unknown.map((k) => [k, json[k]])),
          float_paths: floats === undefined ? undefined : [...floats],
        },
        warnings: unknown.map((k) => `${at(k)}: this field is not known to Weft; it is kept but has no effect`),
      });
};

/** Paths of the float fields of nested configs, for configs that were never read from a file. */
const nestedFloats: ReadonlyArray<string> = [
  'eva_config/rho',
  'eva_config/tau',
  'velora_config/scale',
  'kasa_config/beta',
  'kasa_config/gamma',
  'monteclora_config/dirichlet_prior',
  'monteclora_config/sample_scaler',
  'monteclora_config/kl_loss_weight',
  'arrow_config/router_temperature',
];

/**
 * adapter_config.json as PEFT writes it: sorted keys, two spaces, Python's spelling of floats.
 *
 * As in PEFT, `inference_mode` is always true in a saved file.
 */
export const encodeConfig = (fields: Fields, config: BaseConfig): string => {
  const { unknown_fields, float_paths, ...known } = config;
  const declared = Object.keys(fields).filter((name) => fields[name]?.float === true);
  const floats = new Set(float_paths ?? [...declared, ...nestedFloats]);
  const written = Object.fromEntries(
    Object.entries(known).map(([name, value]) => [name, fields[name]?.written?.(value as never) ?? value]),
  );
  return pythonJson({ ...unknown_fields, ...written, inference_mode: true }, floats);
};

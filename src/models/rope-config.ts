/**
 * Rotary embeddings from config.json: `rope_parameters` of transformers 5, or `rope_scaling` and `rope_theta` of older files.
 */
import * as t from 'io-ts';
import { E } from '../fp.js';
import { fail, orProblems, problem, type Result } from '../problem.js';
import { configField, finite, optional, positive, size, struct } from './config.js';
import type { Rope, RopeScaling } from './layers/rope.js';

const ropeDictionary = t.type({
  rope_type: optional(t.string),
  type: optional(t.string),
  rope_theta: optional(positive),
  partial_rotary_factor: optional(positive),
  factor: optional(positive),
  original_max_position_embeddings: optional(size),
  attention_factor: optional(positive),
  beta_fast: optional(finite),
  beta_slow: optional(finite),
  mscale: optional(finite),
  mscale_all_dim: optional(finite),
  truncate: optional(t.boolean),
  low_freq_factor: optional(positive),
  high_freq_factor: optional(positive),
  short_factor: optional(t.readonlyArray(positive)),
  long_factor: optional(t.readonlyArray(positive)),
  full_attention: optional(t.unknown),
  sliding_attention: optional(t.unknown),
});

type RopeDictionary = t.TypeOf<typeof ropeDictionary>;

/** The fields of config.json that say how positions enter, to be spread into a model's codec. */
export const ropeFields = {
  rope_parameters: optional(ropeDictionary),
  rope_scaling: optional(ropeDictionary),
  rope_theta: optional(positive),
  partial_rotary_factor: optional(positive),
  original_max_position_embeddings: optional(size),
};

/** What `ropeFields` decode to. */
export type RopeFields = t.TypeOf<t.TypeC<typeof ropeFields>>;

/** A dictionary with any entry, as Python's truth has it. */
const filled = (d: RopeDictionary | undefined): d is RopeDictionary =>
  d !== undefined && Object.values(d).some((v) => v !== undefined);

type Read = (r: RopeDictionary, sizes: Sizes, at: (field: string) => string) => Result<RopeScaling>;

interface Sizes {
  readonly dim: number;
  readonly maxPositions: number;
  readonly originalPositions: number;
}

/** The named fields of a dictionary; a problem for every absent one. */
const required = <K extends keyof RopeDictionary>(
  r: RopeDictionary,
  keys: ReadonlyArray<K>,
  at: (field: string) => string,
): Result<{ readonly [P in K]: NonNullable<RopeDictionary[P]> }> =>
  orProblems(
    keys.filter((k) => r[k] === undefined).map((k) => problem(at(k), 'a value for this kind of rope', 'nothing')),
    () => r as { readonly [P in K]: NonNullable<RopeDictionary[P]> },
  );

/** How much longer the context became. */
const stretch = (r: RopeDictionary, s: Sizes): number => r.factor ?? s.maxPositions / s.originalPositions;

const linear: Read = (r, _, at) =>
  E.map(({ factor }: { factor: number }) => ({ _tag: 'Linear', factor }) as const)(required(r, ['factor'], at));

const dynamic: Read = (r, { maxPositions }, at) =>
  E.map(({ factor }: { factor: number }) => ({ _tag: 'Dynamic', factor, maxPositions }) as const)(
    required(r, ['factor'], at),
  );

/** YaRN's temperature 0.1 m ln(s) + 1 (its equation 22), or the ratio of two of them as DeepSeek has it. */
const yarn: Read = (r, s) => {
  const factor = stretch(r, s);
  const temperature = (m: number): number => (factor <= 1 ? 1 : 0.1 * m * Math.log(factor) + 1);
  const { mscale = 0, mscale_all_dim = 0 } = r;
  const inferred =
    mscale !== 0 && mscale_all_dim !== 0 ? temperature(mscale) / temperature(mscale_all_dim) : temperature(1);
  return E.right({
    _tag: 'Yarn',
    factor,
    attentionFactor: r.attention_factor ?? inferred,
    betaFast: r.beta_fast || 32, // 0 means the default, as in transformers
    betaSlow: r.beta_slow || 1,
    truncate: r.truncate ?? true,
    originalPositions: s.originalPositions,
  });
};

const llama3: Read = (r, { originalPositions }, at) =>
  E.map((f: { factor: number; low_freq_factor: number; high_freq_factor: number }) => ({
    _tag: 'Llama3' as const,
    factor: f.factor,
    lowFreqFactor: f.low_freq_factor,
    highFreqFactor: f.high_freq_factor,
    originalPositions,
  }))(required(r, ['factor', 'low_freq_factor', 'high_freq_factor'], at));

const longRope: Read = (r, s, at) => {
  const half = s.dim / 2;
  const problems = (['short_factor', 'long_factor'] as const)
    .filter((k) => r[k]?.length !== half)
    .map((k) => problem(at(k), `${half} numbers, one a frequency`, `${r[k]?.length ?? 'nothing'}`));
  const factor = stretch(r, s);
  return orProblems(problems, () => ({
    _tag: 'LongRope',
    shortFactor: r.short_factor ?? [],
    longFactor: r.long_factor ?? [],
    attentionFactor:
      r.attention_factor ?? (factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(s.originalPositions))),
    originalPositions: s.originalPositions,
  }));
};

const kinds: ReadonlyMap<string, Read> = new Map<string, Read>([
  ['default', () => E.right({ _tag: 'Default' })],
  ['linear', linear],
  ['dynamic', dynamic],
  ['yarn', yarn],
  ['llama3', llama3],
  ['longrope', longRope],
]);

const evenDim = (dim: number): Result<number> =>
  dim >= 2 && dim % 2 === 0
    ? E.right(dim)
    : fail(configField('head_dim'), 'an even number of rotated channels', `${dim}`);

/**
 * Rotary embeddings of a model.
 *
 * `rope_scaling` wins over `rope_parameters`, and a top-level `original_max_position_embeddings` over the nested one, as in
 * transformers. `partial_rotary_factor` is the rotated part of a head.
 *
 * @param fields decoded config.json
 * @param headDim channels of a head
 * @param maxPositions `max_position_embeddings`
 * @returns problems for an unknown kind, absent or ill-sized fields, an odd number of channels, or one dictionary a layer type
 */
export const decodeRope = (fields: RopeFields, headDim: number, maxPositions: number): Result<Rope> => {
  const name = filled(fields.rope_scaling) ? 'rope_scaling' : 'rope_parameters';
  const at = (field: string): string => configField(`${name}.${field}`);
  const r = fields[name] ?? ({} as RopeDictionary);
  if (r.full_attention !== undefined || r.sliding_attention !== undefined)
    return fail(configField(name), 'one set of rope parameters for all layers', 'one for each layer type');
  const kind = r.rope_type ?? r.type ?? 'default';
  const read = kinds.get(kind);
  if (read === undefined) return fail(at('rope_type'), `one of ${[...kinds.keys()].join(', ')}`, JSON.stringify(kind));
  const dim = Math.trunc(headDim * (r.partial_rotary_factor ?? fields.partial_rotary_factor ?? 1));
  const originalPositions =
    fields.original_max_position_embeddings ?? r.original_max_position_embeddings ?? maxPositions;
  return struct({
    theta: E.right(r.rope_theta ?? fields.rope_theta ?? 10000),
    dim: evenDim(dim),
    scaling: read(r, { dim, maxPositions, originalPositions }, at),
  });
};

/**
 * Rotary embeddings of a model that rotates whole heads: transformers passes over a partial factor for plain rope, and fails for
 * all other kinds. Arguments and problems as those of `decodeRope`, and one for a partial factor.
 */
export const decodeWholeRope = (fields: RopeFields, headDim: number, maxPositions: number): Result<Rope> =>
  E.chain((rope: Rope): Result<Rope> => {
    if (rope.dim === headDim || rope.scaling._tag === 'Default') return E.right({ ...rope, dim: headDim });
    return fail(configField('partial_rotary_factor'), '1 for this model type', `${rope.dim / headDim}`);
  })(decodeRope(fields, headDim, maxPositions));

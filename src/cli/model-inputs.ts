/**
 * What a model is to read, from the command line: token ids, or a file of pixels, as its kind asks.
 */
import { E } from '../fp.js';
import { openCheckpoint } from '../io/checkpoint.js';
import type { RawTensor } from '../io/safetensors/write.js';
import type { AnyModel, ModelInputs } from '../models/any-model.js';
import { struct } from '../models/config.js';
import type { ImageModel } from '../models/image.js';
import type { ModelSpec } from '../models/spec.js';
import { tensorOf } from '../ops/backend.js';
import { decodeFloats, isFloat } from '../ops/dtype.js';
import { showShape, type Tensor } from '../ops/tensor.js';
import { all, fail, orProblems, problem, type Problem, type Result } from '../problem.js';
import { optionalNaturals, optionalText, type Given } from './given.js';
import { checkIds } from './token-ids.js';

/** Options by their names; each may be absent. */
export interface GivenInputs {
  readonly 'input-ids': ReadonlyArray<number> | undefined;
  readonly 'token-type-ids': ReadonlyArray<number> | undefined;
  readonly 'decoder-input-ids': ReadonlyArray<number> | undefined;
  /** A safetensors file that holds `pixel_values`. */
  readonly 'pixel-values': string | undefined;
}

type Option = keyof GivenInputs;

/** The options of a command line. */
export const givenInputs = (given: Given): Result<GivenInputs> =>
  struct<{ [K in Option]: GivenInputs[K] }>({
    'input-ids': optionalNaturals(given, 'input-ids'),
    'token-type-ids': optionalNaturals(given, 'token-type-ids'),
    'decoder-input-ids': optionalNaturals(given, 'decoder-input-ids'),
    'pixel-values': optionalText(given, 'pixel-values'),
  });

/** What a kind of model reads. */
const reads: Readonly<
  Record<
    AnyModel['_tag'],
    { readonly needs: ReadonlyArray<Option>; readonly may: ReadonlyArray<Option>; readonly what: string }
  >
> = {
  Decoder: { needs: ['input-ids'], may: [], what: 'a language model' },
  Encoder: { needs: ['input-ids'], may: ['token-type-ids'], what: 'an encoder' },
  EncoderDecoder: { needs: ['input-ids', 'decoder-input-ids'], may: [], what: 'an encoder-decoder' },
  Image: { needs: ['pixel-values'], may: [], what: 'an image model' },
};

const optionProblems = (at: (o: Option) => string, { _tag }: AnyModel, given: GivenInputs): ReadonlyArray<Problem> => {
  const { needs, may, what } = reads[_tag];
  const options = Object.keys(given) as ReadonlyArray<Option>;
  return options.flatMap((option) => {
    const there = given[option] !== undefined;
    if (needs.includes(option) && !there) return [problem(at(option), `what ${what} reads`, 'no such option')];
    return there && ![...needs, ...may].includes(option)
      ? [problem(at(option), `no such option for ${what}`, 'one', `it reads --${needs.join(' and --')}`)]
      : [];
  });
};

/** Learned positions end somewhere. */
const checkLength = (at: string, any: AnyModel, ids: ReadonlyArray<number>): Result<unknown> => {
  const positions = any._tag === 'Decoder' || any._tag === 'Encoder' ? any.model.geometry.positions : undefined;
  return positions !== undefined && ids.length > positions
    ? fail(at, `at most ${positions} tokens`, `${ids.length}`)
    : E.right(undefined);
};

/** Types as many as tokens, each a row of their embedding. */
const checkTypes = (at: string, types: ReadonlyArray<number>, tokens: number, spec: ModelSpec): Result<unknown> => {
  const rows = spec.modules.find((m) => m.name.endsWith('token_type_embeddings'))?.params['weight']?.[0] ?? 0;
  return orProblems(
    [
      ...(types.length === tokens ? [] : [problem(at, `${tokens} types, one a token`, `${types.length}`)]),
      ...types.filter((id) => id >= rows).map((id) => problem(at, `types below ${rows}`, String(id))),
    ],
    () => undefined,
  );
};

const idsTensor = (ids: ReadonlyArray<number>): RawTensor => ({
  dtype: 'I64',
  shape: [1, ids.length],
  bytes: new Uint8Array(BigInt64Array.from(ids, BigInt).buffer),
});

const PIXELS = 'pixel_values';

/** The images of a file. */
const readPixels = async (path: string, { image: size }: ImageModel): Promise<Result<RawTensor>> => {
  const file = await openCheckpoint(path);
  if (E.isLeft(file)) return file;
  try {
    const stored = file.right.tensors.get(PIXELS);
    const wanted = [size.channels, size.height, size.width];
    const at = `${path}: ${PIXELS}`;
    if (stored === undefined) return fail(at, `images, [B, ${wanted.join(', ')}]`, 'no such tensor');
    if (!isFloat(stored.dtype))
      return fail(at, 'floats', stored.dtype, 'normalize the pixels as the model expects them');
    const fits = stored.shape.length === 4 && showShape(stored.shape.slice(1)) === showShape(wanted);
    if (!fits) return fail(at, `[B, ${wanted.join(', ')}]`, showShape(stored.shape));
    return E.map((bytes: Uint8Array): RawTensor => ({ dtype: stored.dtype, shape: stored.shape, bytes }))(
      await file.right.read(PIXELS),
    );
  } finally {
    await file.right.close();
  }
};

/** Inputs at rest, by transformers' names. */
export type InputTensors = ReadonlyMap<string, RawTensor>;

/**
 * What a model is to read, checked against it.
 *
 * Problems: options that the model's kind needs or does not have, ids out of range, too many of them, pixels of another size.
 */
export const readInputs = async (
  command: string,
  any: AnyModel,
  spec: ModelSpec,
  given: GivenInputs,
): Promise<Result<InputTensors>> => {
  const at = (option: Option): string => `weft ${command}: --${option}`;
  const options = orProblems(optionProblems(at, any, given), () => undefined);
  if (E.isLeft(options)) return options;
  const { 'input-ids': ids, 'token-type-ids': types, 'decoder-input-ids': decoderIds, 'pixel-values': path } = given;
  if (any._tag === 'Image')
    return E.map((pixels: RawTensor): InputTensors => new Map([[PIXELS, pixels]]))(
      await readPixels(path ?? '', any.model),
    );
  const checked = all<unknown>([
    checkIds(at('input-ids'), ids ?? [], spec),
    checkLength(at('input-ids'), any, ids ?? []),
    checkIds(at('decoder-input-ids'), decoderIds ?? [], spec),
    types === undefined ? E.right(undefined) : checkTypes(at('token-type-ids'), types, ids?.length ?? 0, spec),
  ]);
  const named = [
    ['input_ids', ids],
    ['token_type_ids', types],
    ['decoder_input_ids', decoderIds],
  ] as const;
  return E.map(
    () => new Map(named.flatMap(([name, list]) => (list === undefined ? [] : [[name, idsTensor(list)] as const]))),
  )(checked);
};

const upload = (raw: RawTensor | undefined): Tensor | undefined => {
  if (raw === undefined) return undefined;
  const values = decodeFloats(raw.dtype, raw.bytes);
  return tensorOf(isFloat(raw.dtype) ? values : Int32Array.from(values), raw.shape);
};

/** The same as tensors, by Weft's names. */
export const uploadInputs = (inputs: InputTensors): ModelInputs =>
  ({
    inputIds: upload(inputs.get('input_ids')),
    tokenTypeIds: upload(inputs.get('token_type_ids')),
    decoderInputIds: upload(inputs.get('decoder_input_ids')),
    pixelValues: upload(inputs.get(PIXELS)),
  }) as ModelInputs;

/**
 * Headers of safetensors files: 8 bytes of length, JSON of that length, and then the tensors' bytes without a gap.
 *
 * Rules of the reference implementation (huggingface/safetensors, `tensor.rs`) and of its format description. Where the two
 * differ the stricter one holds: keys occur once, and the header begins with `{`.
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import { checkedByteLength, isDType, type DType } from '../../ops/dtype.js';
import { showShape, type Shape } from '../../ops/tensor.js';
import { all, fail, orProblems, problem, type Problem, type Result } from '../../problem.js';
import { decodeWith, Size } from '../decode.js';
import { parseJson } from '../json.js';

/** Largest header that the reference reads: 100 MB, some 800,000 tensors. */
export const MAX_HEADER_BYTES = 100_000_000;

/** Bytes of the length before the header. */
export const LENGTH_BYTES = 8;

/** Key of the free-form strings in a header; no tensor can have this name. */
export const METADATA_KEY = '__metadata__';

/** One tensor of a file; `begin` and `end` count bytes from the first tensor's first byte. */
export interface TensorInfo {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly begin: number;
  readonly end: number;
}

/** What a header says. */
export interface Header {
  /** Absent where the header has none, which is not the same bytes as an empty one. */
  readonly metadata: ReadonlyMap<string, string> | undefined;
  /** Tensors by name in the order of their bytes. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** Position in the file of the first tensor's first byte. */
  readonly dataStart: number;
}

const DTypeName = new t.Type<DType, DType, unknown>(
  'a dtype of the safetensors format',
  isDType,
  (u, c) => (isDType(u) ? t.success(u) : t.failure(u, c)),
  t.identity,
);
// io-ts drops the surplus of a tuple without a word.
const isPair = (u: unknown): u is readonly [number, number] => Array.isArray(u) && u.length === 2 && u.every(Size.is);
const Offsets = new t.Type<readonly [number, number], readonly [number, number], unknown>(
  'two integers from 0 to 2^53 - 1',
  isPair,
  (u, c) => (isPair(u) ? t.success(u) : t.failure(u, c)),
  t.identity,
);
const TensorJson = t.type({ dtype: DTypeName, shape: t.array(Size), data_offsets: Offsets });
const MetadataJson = t.record(t.string, t.string);

/** Only digits make a size: `4.0`, `4e0` and `-0` are no integers to the reference. Other literals stay text. */
const integerLiteral = (literal: string): number | string => (/^[0-9]+$/.test(literal) ? Number(literal) : literal);

const truncated = (at: string, expected: string, size: number): Result<never> =>
  fail(at, expected, `${size} bytes`, 'the file is truncated or is no safetensors file');

/**
 * Length of the header from the first 8 bytes of a file of `fileSize` bytes, little-endian.
 *
 * Checked before anything is allocated: at most `MAX_HEADER_BYTES`, and inside the file.
 */
export const headerLength = (first: Uint8Array, fileSize: number, at = 'safetensors'): Result<number> => {
  if (fileSize < LENGTH_BYTES || first.length < LENGTH_BYTES) {
    return truncated(at, `at least ${LENGTH_BYTES} bytes`, Math.min(fileSize, first.length));
  }
  const length = new DataView(first.buffer, first.byteOffset, LENGTH_BYTES).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES) {
    return fail(at, `a header of at most ${MAX_HEADER_BYTES} bytes`, `${length}`, 'the file is no safetensors file');
  }
  const n = Number(length);
  return LENGTH_BYTES + n > fileSize ? truncated(at, `a header of ${n} bytes inside the file`, fileSize) : E.right(n);
};

const decodeText = (bytes: Uint8Array, at: string): Result<string> => {
  if (bytes[0] !== 0x7b) {
    return fail(at, "a header that begins with '{'", bytes.length === 0 ? 'nothing' : `byte ${bytes[0]}`);
  }
  try {
    return E.right(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return fail(at, 'a header in UTF-8', 'bytes that are not UTF-8');
  }
};

/** The strings of a header; like the reference, `null` counts as none. */
const decodeMetadata = (json: Readonly<Record<string, unknown>>, at: string): Result<Header['metadata']> => {
  const value = json[METADATA_KEY];
  if (value === undefined || value === null) return E.right(undefined);
  const decoded = decodeWith(MetadataJson, value, `${at}: ${METADATA_KEY}`);
  return E.isLeft(decoded) ? decoded : E.right(new Map(Object.entries(decoded.right)));
};

/** One entry of the header; its size must be that of its shape and dtype. */
const decodeTensor = (name: string, json: unknown, at: string): Result<readonly [string, TensorInfo]> => {
  const here = `${at}: ${name}`;
  const decoded = decodeWith(TensorJson, json, here);
  if (E.isLeft(decoded)) return decoded;
  const { dtype, shape } = decoded.right;
  const [begin, end] = decoded.right.data_offsets;
  const bytes = checkedByteLength(dtype, shape);
  if (bytes === undefined) {
    return fail(here, 'a whole number of bytes below 2^53', `${dtype} ${showShape(shape)}`);
  }
  if (end - begin !== bytes) {
    return fail(here, `${bytes} bytes for ${dtype} ${showShape(shape)}`, `data_offsets [${begin}, ${end}]`);
  }
  return E.right([name, { dtype, shape, begin, end }]);
};

/** Tensors in order of their bytes must follow each other from 0 to the end of the file. */
const layoutProblems = (
  tensors: ReadonlyArray<readonly [string, TensorInfo]>,
  dataBytes: number,
  at: string,
): ReadonlyArray<Problem> => {
  const problems: Problem[] = [];
  let next = 0;
  for (const [name, { begin, end }] of tensors) {
    if (begin !== next) {
      const fault = begin < next ? 'overlaps the tensor before it' : 'leaves a hole before it';
      problems.push(problem(`${at}: ${name}`, `data that begins at ${next}`, `${begin}, which ${fault}`));
    }
    next = Math.max(next, end);
  }
  if (next > dataBytes) {
    problems.push(problem(at, `${next} bytes of tensors`, `${dataBytes}`, 'the file is truncated'));
  }
  if (next < dataBytes) problems.push(problem(at, `${next} bytes of tensors and nothing after them`, `${dataBytes}`));
  return problems;
};

/**
 * Reads a header from its JSON bytes (without the 8 bytes of length) in a file of `fileSize` bytes.
 *
 * Problems, all of one stage at once: what is no UTF-8 or JSON; names that occur twice; entries with an unknown dtype, a shape
 * or offsets that are no sizes, or a size that is not their shape's; holes, overlaps, missing bytes and bytes after the last
 * tensor. Tensors are only described, never read.
 */
export const parseHeader = (bytes: Uint8Array, fileSize: number, at = 'safetensors'): Result<Header> => {
  const text = decodeText(bytes, at);
  if (E.isLeft(text)) return text;
  const json = parseJson(text.right, `${at}: header`, { number: integerLiteral });
  if (E.isLeft(json)) return json;
  const record = json.right as Readonly<Record<string, unknown>>;
  const metadata = decodeMetadata(record, at);
  const names = Object.keys(record).filter((k) => k !== METADATA_KEY);
  const tensors = all(names.map((name) => decodeTensor(name, record[name], at)));
  if (E.isLeft(tensors)) return E.isLeft(metadata) ? E.left([...metadata.left, ...tensors.left]) : tensors;
  if (E.isLeft(metadata)) return metadata;
  const sorted = tensors.right.toSorted(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  const dataStart = LENGTH_BYTES + bytes.length;
  return orProblems(layoutProblems(sorted, fileSize - dataStart, at), () => ({
    metadata: metadata.right,
    tensors: new Map(sorted),
    dataStart,
  }));
};

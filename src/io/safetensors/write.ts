/**
 * Writing safetensors files, byte for byte as the reference implementation does.
 *
 * Tensors are ordered by dtype, widest first, then by name; the header is compact JSON with `__metadata__` first, padded with
 * spaces to a multiple of 8 bytes. The reference keeps metadata in a hash map, so with several entries its order is chance;
 * here it is the order given.
 */
import { E } from '../../fp.js';
import { checkedByteLength, dtypeOrder, type DType } from '../../ops/dtype.js';
import { showShape, type Shape } from '../../ops/tensor.js';
import { fail, orProblems, problem, type Problem, type Result } from '../../problem.js';
import { allocate } from '../allocate.js';
import { compareCodePoints } from '../code-points.js';
import { LENGTH_BYTES, MAX_HEADER_BYTES, METADATA_KEY, type Header, type TensorInfo } from './header.js';

/** What a file says of a tensor, without its bytes. */
export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** A tensor as stored: row-major little-endian bytes. */
export interface RawTensor extends TensorType {
  readonly bytes: Uint8Array;
  /** `bytes` are read from a file each time that they are asked for, and good until those of another tensor are. */
  readonly inFile?: true;
}

/** The start of a file and what it says; after `bytes` follow the tensors in the order of `header.tensors`. */
export interface WrittenHeader {
  readonly bytes: Uint8Array;
  readonly header: Header;
}

const loneSurrogate = /\p{Surrogate}/u;

const nameProblems = (names: Iterable<string>, at: string): ReadonlyArray<Problem> =>
  [...names].flatMap((name) =>
    loneSurrogate.test(name)
      ? [problem(`${at}: ${JSON.stringify(name)}`, 'Unicode text', 'half of a surrogate pair')]
      : [],
  );

/** Tensors in the order of the format, one after the other. */
const layOut = (tensors: ReadonlyMap<string, TensorType>, at: string): Result<ReadonlyMap<string, TensorInfo>> => {
  const problems: Problem[] = [...nameProblems(tensors.keys(), at)];
  if (tensors.has(METADATA_KEY)) {
    problems.push(problem(`${at}: ${METADATA_KEY}`, 'another name', 'a tensor', 'the format reserves this key'));
  }
  const sorted = [...tensors].toSorted(
    ([a, x], [b, y]) => dtypeOrder(y.dtype) - dtypeOrder(x.dtype) || compareCodePoints(a, b),
  );
  const laidOut = new Map<string, TensorInfo>();
  let begin = 0;
  for (const [name, { dtype, shape }] of sorted) {
    const bytes = checkedByteLength(dtype, shape);
    if (bytes === undefined) {
      problems.push(problem(`${at}: ${name}`, 'a whole number of bytes below 2^53', `${dtype} ${showShape(shape)}`));
      continue;
    }
    laidOut.set(name, { dtype, shape, begin, end: begin + bytes });
    begin += bytes;
  }
  return orProblems(problems, () => laidOut);
};

// Every well-formed string is escaped by JSON.stringify exactly as by serde_json.
const headerText = (
  tensors: ReadonlyMap<string, TensorInfo>,
  metadata: ReadonlyMap<string, string> | undefined,
): string => {
  const strings = [...(metadata ?? [])].map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`);
  const entries = [...tensors].map(
    ([name, { dtype, shape, begin, end }]) =>
      `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape.join(',')}],"data_offsets":[${begin},${end}]}`,
  );
  return `{${[...(metadata === undefined ? [] : [`"${METADATA_KEY}":{${strings.join(',')}}`]), ...entries].join(',')}}`;
};

/**
 * The first bytes of a file with these tensors: the length, the header and its padding.
 *
 * Problems: shapes without a whole number of bytes, names that are no Unicode or are `__metadata__`, a header above the limit
 * of readers.
 */
export const headerBytes = (
  tensors: ReadonlyMap<string, TensorType>,
  metadata?: ReadonlyMap<string, string>,
  at = 'safetensors',
): Result<WrittenHeader> => {
  const laidOut = layOut(tensors, at);
  const wrongStrings = nameProblems([...(metadata ?? [])].flat(), `${at}: ${METADATA_KEY}`);
  if (E.isLeft(laidOut)) return E.left([...laidOut.left, ...wrongStrings]);
  return E.flatMap((infos: ReadonlyMap<string, TensorInfo>): Result<WrittenHeader> => {
    const json = new TextEncoder().encode(headerText(infos, metadata));
    const padded = Math.ceil(json.length / 8) * 8;
    if (padded > MAX_HEADER_BYTES) return fail(at, `a header of at most ${MAX_HEADER_BYTES} bytes`, `${padded}`);
    const bytes = new Uint8Array(LENGTH_BYTES + padded).fill(0x20);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
    bytes.set(json, LENGTH_BYTES);
    return E.right({ bytes, header: { metadata, tensors: infos, dataStart: bytes.length } });
  })(orProblems(wrongStrings, () => laidOut.right));
};

/** A whole file in memory; fails where `headerBytes` does and where a tensor's bytes are not those of its shape. */
export const serialize = (
  tensors: ReadonlyMap<string, RawTensor>,
  metadata?: ReadonlyMap<string, string>,
  at = 'safetensors',
): Result<Uint8Array> => {
  const head = headerBytes(tensors, metadata, at);
  if (E.isLeft(head)) return head;
  const { header, bytes } = head.right;
  const problems = [...header.tensors].flatMap(([name, { dtype, shape, begin, end }]) => {
    const found = (tensors.get(name) as RawTensor).bytes.length;
    const expected = `${end - begin} bytes for ${dtype} ${showShape(shape)}`;
    return found === end - begin ? [] : [problem(`${at}: ${name}`, expected, `${found} bytes`)];
  });
  const total = [...header.tensors.values()].reduce((_, { end }) => end, 0);
  return E.flatMap(() =>
    E.map((file: Uint8Array) => {
      file.set(bytes);
      for (const [name, { begin }] of header.tensors) {
        file.set((tensors.get(name) as RawTensor).bytes, header.dataStart + begin);
      }
      return file;
    })(allocate(header.dataStart + total, at)),
  )(orProblems(problems, () => undefined));
};

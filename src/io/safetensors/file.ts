/**
 * One safetensors file at rest: its header and its source.
 */
import { E } from '../../fp.js';
import type { Result } from '../../problem.js';
import type { ByteSource } from '../byte-source.js';
import { headerLength, LENGTH_BYTES, parseHeader, type Header } from './header.js';

/** A file whose header was read and checked; tensors are read on demand. */
export interface SafetensorsFile {
  readonly source: ByteSource;
  readonly header: Header;
  /** The file up to the first tensor, length and padding included: what a copy with other values begins with. */
  readonly headerBytes: Uint8Array;
}

/** Reads and checks the header. The source stays open in either case; it is the caller's. */
export const openSafetensors = async (source: ByteSource): Promise<Result<SafetensorsFile>> => {
  const first = await source.read(0, Math.min(LENGTH_BYTES, source.size));
  if (E.isLeft(first)) return first;
  const length = headerLength(first.right, source.size, source.name);
  if (E.isLeft(length)) return length;
  const head = await source.read(0, LENGTH_BYTES + length.right);
  if (E.isLeft(head)) return head;
  return E.map((header: Header): SafetensorsFile => ({ source, header, headerBytes: head.right }))(
    parseHeader(head.right.subarray(LENGTH_BYTES), source.size, source.name),
  );
};

/** Like `openSafetensors` for bytes in memory, without waiting. */
export const headerOf = (bytes: Uint8Array, at = 'safetensors'): Result<Header> =>
  E.flatMap((length: number) => parseHeader(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length), bytes.length, at))(
    headerLength(bytes, bytes.length, at),
  );

/**
 * Weights at rest: names, dtypes, shapes and a way to read bytes, over one file, several shards, or memory.
 */
import { openFile, pathInside, readText, statFile } from '#fs';
import { E } from '../fp.js';
import { all, fail, orProblems, problem, type Result } from '../problem.js';
import { headerOf, openSafetensors, type SafetensorsFile } from './safetensors/file.js';
import type { Header } from './safetensors/header.js';
import type { TensorType } from './safetensors/write.js';
import { indexProblems, parseShardIndex } from './shard-index.js';
import { sourceOfBytes, type ByteSource } from './source.js';

/** A tensor of a checkpoint, and where its bytes are. */
export interface StoredTensor extends TensorType {
  readonly byteLength: number;
  /** Name of the file in `files`. */
  readonly file: string;
  /** Position of its first byte in that file. */
  readonly offset: number;
}

/** One file of a checkpoint. */
export interface CheckpointFile extends SafetensorsFile {
  /** File name without folder. */
  readonly name: string;
}

/** A checkpoint that was opened and checked. */
export interface Checkpoint {
  readonly name: string;
  /** Every tensor, file by file in the order of their bytes. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** The files by name: one, or the shards. */
  readonly files: ReadonlyMap<string, CheckpointFile>;
  /** Strings of the first file's header; empty where it has none. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Path of the shard index, where the checkpoint was opened through one. */
  readonly index: string | undefined;
  /** All bytes of a tensor, row-major and little-endian; of a checkpoint in memory, a view that must not be written to. */
  readonly read: (key: string) => Promise<Result<Uint8Array>>;
  /** `length` bytes of a tensor from its byte `offset` on; `into`, when given, has that length, is filled and returned. */
  readonly readRange: (key: string, offset: number, length: number, into?: Uint8Array) => Promise<Result<Uint8Array>>;
  /** Closes every file. */
  readonly close: () => Promise<void>;
}

/** Names that Hugging Face gives to a model's files. */
const SINGLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
const PICKLED = ['pytorch_model.bin', 'pytorch_model.bin.index.json'];

const storedTensors = ({ name, header }: { readonly name: string; readonly header: Header }) =>
  [...header.tensors].map(([key, { dtype, shape, begin, end }]): readonly [string, StoredTensor] => [
    key,
    { dtype, shape, byteLength: end - begin, file: name, offset: header.dataStart + begin },
  ]);

const closeAll = async (sources: ReadonlyArray<Pick<ByteSource, 'close'>>): Promise<void> => {
  await Promise.all(sources.map((s) => s.close()));
};

const checkpointFrom = (name: string, opened: ReadonlyArray<CheckpointFile>, index: string | undefined): Checkpoint => {
  const files = new Map(opened.map((f) => [f.name, f]));
  const tensors = new Map(opened.flatMap(storedTensors));
  const readRange: Checkpoint['readRange'] = async (key, offset, length, into) => {
    const tensor = tensors.get(key);
    if (tensor === undefined) return fail(`${name}: ${key}`, 'a tensor of this checkpoint', 'none of this name');
    const inside = offset >= 0 && length >= 0 && offset + length <= tensor.byteLength;
    if (!inside)
      return fail(`${name}: ${key}`, `a range inside of ${tensor.byteLength} bytes`, `${length} bytes at ${offset}`);
    return (files.get(tensor.file) as CheckpointFile).source.read(tensor.offset + offset, length, into);
  };
  return {
    name,
    tensors,
    files,
    metadata: opened[0]?.header.metadata ?? new Map(),
    index,
    read: (key) => readRange(key, 0, tensors.get(key)?.byteLength ?? 0),
    readRange,
    close: () => closeAll(opened.map((f) => f.source)),
  };
};

const baseName = (path: string): string => path.split(/[/\\]/).at(-1) as string;

/** A checkpoint over one source, such as a File that a person chose. On failure the source is closed. */
export const checkpointOfSource = async (source: ByteSource): Promise<Result<Checkpoint>> => {
  const file = await openSafetensors(source);
  if (E.isLeft(file)) {
    await source.close();
    return file;
  }
  return E.right(checkpointFrom(source.name, [{ ...file.right, name: baseName(source.name) }], undefined));
};

/** A checkpoint over the bytes of a safetensors file. */
export const checkpointOf = (bytes: Uint8Array, name = 'memory'): Result<Checkpoint> =>
  E.map((header: Header) => {
    const headerBytes = bytes.subarray(0, header.dataStart);
    return checkpointFrom(name, [{ name, source: sourceOfBytes(bytes, name), header, headerBytes }], undefined);
  })(headerOf(bytes, name));

const openAt = async (path: string): Promise<Result<Checkpoint>> => {
  const source = await openFile(path);
  return E.isLeft(source) ? source : checkpointOfSource(source.right);
};

/** Opens one shard; a missing one is told apart, because all of them are listed. */
const openShard = async (folder: string, name: string): Promise<Result<CheckpointFile>> => {
  const path = await pathInside(folder, name);
  if (E.isLeft(path)) return path;
  const found = await statFile(path.right);
  if (E.isLeft(found)) return found;
  if (found.right.kind === 'missing') {
    return fail(path.right, 'a shard that the index names', 'nothing there', 'the download is incomplete');
  }
  const source = await openFile(path.right);
  if (E.isLeft(source)) return source;
  const file = await openSafetensors(source.right);
  if (E.isRight(file)) return E.right({ ...file.right, name });
  await source.right.close();
  return file;
};

const openSharded = async (folder: string, indexPath: string): Promise<Result<Checkpoint>> => {
  const text = await readText(indexPath);
  if (E.isLeft(text)) return text;
  const index = parseShardIndex(text.right, indexPath);
  if (E.isLeft(index)) return index;
  const opened = await Promise.all(index.right.shards.map((name) => openShard(folder, name)));
  const files = opened.flatMap((f) => (E.isRight(f) ? [f.right] : []));
  const headers = new Map(files.map((f) => [f.name, f.header]));
  const checked = E.flatMap((shards: ReadonlyArray<CheckpointFile>) =>
    orProblems(indexProblems(index.right, headers, indexPath), () => checkpointFrom(folder, shards, indexPath)),
  )(all(opened));
  if (E.isLeft(checked)) await closeAll(files.map((f) => f.source));
  return checked;
};

/** Why a folder without safetensors files cannot be opened. */
const refuse = async (folder: string): Promise<Result<never>> => {
  for (const name of PICKLED) {
    const path = await pathInside(folder, name);
    const found = E.isLeft(path) ? path : await statFile(path.right);
    if (E.isRight(found) && found.right.kind === 'file') {
      const hint =
        'pickled files can run code when they are read; save the model with safetensors, as transformers does by default, or ' +
        'take the repository revision that has them';
      return E.left([problem(folder, SINGLE, name, hint)]);
    }
  }
  return fail(folder, `${SINGLE} or ${INDEX}`, 'neither', 'give the folder of a model, or one safetensors file');
};

/**
 * Opens the checkpoint in a folder (`model.safetensors`, otherwise the shards of `model.safetensors.index.json`) or one
 * safetensors file. Only headers are read.
 *
 * Shards must lie in the folder, each tensor in exactly the shard that the index names, and all missing shards are listed.
 */
export const openCheckpoint = async (path: string): Promise<Result<Checkpoint>> => {
  const found = await statFile(path);
  if (E.isLeft(found)) return found;
  if (found.right.kind === 'file') return openAt(path);
  if (found.right.kind !== 'folder') {
    return fail(
      path,
      'a folder or a safetensors file',
      found.right.kind === 'missing' ? 'nothing there' : 'something else',
    );
  }
  for (const [name, open] of [
    [SINGLE, openAt],
    [INDEX, (index: string) => openSharded(path, index)],
  ] as const) {
    const file = await pathInside(path, name);
    if (E.isLeft(file)) return file;
    const there = await statFile(file.right);
    if (E.isLeft(there)) return there;
    if (there.right.kind !== 'missing') return open(file.right);
  }
  return refuse(path);
};

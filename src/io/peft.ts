/**
 * PEFT adapter folders: adapter_config.json and adapter_model.safetensors.
 */
import { readText, writeFolderAtomic } from '#fs';
import type { Leaf } from '../adapters/adapter.js';
import type { FileTensor } from '../adapters/method.js';
import { encodeConfig } from '../adapters/config.js';
import { encodeIndices } from '../adapters/indices.js';
import { decodeAdapter, methodIn, type AdapterFiles, type DecodedAdapter } from '../adapters/decode.js';
import { modelPath, nestedFolders, nestedLeaves, outside } from '../adapters/nested.js';
import { E } from '../fp.js';
import type { ModelSpec } from '../models/spec.js';
import { dispose, read, scope } from '../ops/backend.js';
import { encodeFloats, type DType } from '../ops/dtype.js';
import { mapRecord, recordOf, type Tensor } from '../ops/tensor.js';
import { fail, type Result } from '../problem.js';
import { openCheckpoint, type Checkpoint } from './checkpoint.js';
import type { Writer } from './file-system.js';
import { tensorsInFile } from './file-tensors.js';
import { existing, folderInside, readModel } from './inside.js';
import { parsePythonJson } from './json.js';
import { serialize, type RawTensor } from './safetensors/write.js';

/** Names of the files in an adapter's folder. */
export const adapterFileNames = { config: 'adapter_config.json', tensors: 'adapter_model.safetensors' } as const;

const pickled = 'adapter_model.bin';

const tensorsPath = async (folder: string): Promise<Result<string>> => {
  const path = await existing(folder, adapterFileNames.tensors);
  if (E.isLeft(path)) return path;
  if (path.right !== undefined) return E.right(path.right);
  const bin = await existing(folder, pickled);
  return E.isRight(bin) && bin.right !== undefined
    ? fail(
        folder,
        adapterFileNames.tensors,
        pickled,
        'Pickled files can run code when they are read, so Weft does not; load the adapter in PEFT and call save_pretrained, which writes safetensors.',
      )
    : fail(folder, adapterFileNames.tensors, 'no such file', 'Give the folder that PEFT saved the adapter to.');
};

/** The bytes of every tensor of a checkpoint. */
export const readAll = async (checkpoint: Checkpoint): Promise<Result<ReadonlyMap<string, RawTensor>>> => {
  const tensors = new Map<string, RawTensor>();
  for (const [name, { dtype, shape }] of checkpoint.tensors) {
    const bytes = await checkpoint.read(name);
    if (E.isLeft(bytes)) return bytes;
    tensors.set(name, { dtype, shape, bytes: bytes.right });
  }
  return E.right(tensors);
};

/** What reading an adapter may be told. */
export interface ReadOptions {
  /** Folders of the adapters inside it, by name, in place of those that its config names. */
  readonly nested?: Readonly<Record<string, string>>;
  /** Folder of the model that ShadowPEFT's `shadow_model` names; its config.json alone is read. */
  readonly shadowModel?: string;
  /**
   * 'file': parameters stay in the adapter's own file, which must not change, until they are used; for a merge, which uses each
   * once. 'memory' unless told.
   */
  readonly keep?: 'memory' | 'file';
}

/**
 * The files of an adapter inside another: from the folder that the caller gives, from one of its name inside, or from the path in
 * the config, where this leads to a folder inside. PEFT takes the path from the working directory or from the Hub.
 */
const readNested = async (
  folder: string,
  name: string,
  path: string,
  given: string | undefined,
): Promise<Result<AdapterFiles>> => {
  const found = given ?? (await folderInside(folder, name)) ?? (await folderInside(folder, path));
  return found === undefined
    ? fail(
        `${folder}: adapter ${JSON.stringify(name)}`,
        `a folder "${name}" in it`,
        `only the path ${JSON.stringify(path)}, which is not inside`,
        `Copy that adapter into ${folder}/${name}, or name its folder (nested: { "${name}": ... }; on the command line --expert ${name}=<dir>).`,
      )
    : readOwnFiles(found, 'memory');
};

/**
 * Reads an adapter folder without checking it against a model; adapters inside it are read too.
 *
 * Errors: missing files, pickled weights, malformed JSON or safetensors.
 */
export const readAdapterFiles = async (
  folder: string,
  { nested = {}, shadowModel, keep = 'memory' }: ReadOptions = {},
): Promise<Result<AdapterFiles>> => {
  const own = await readOwnFiles(folder, keep);
  if (E.isLeft(own)) return own;
  const inner = new Map<string, AdapterFiles>();
  for (const [name, path] of nestedFolders(methodIn(own.right.config), own.right.config)) {
    const files = await readNested(folder, name, path, Object.hasOwn(nested, name) ? nested[name] : undefined);
    if (E.isLeft(files)) return files;
    inner.set(name, files.right);
  }
  const model = await readModel(folder, modelPath(methodIn(own.right.config), own.right.config), shadowModel);
  if (E.isLeft(model)) return model;
  return E.right({
    ...own.right,
    ...(inner.size === 0 ? {} : { nested: inner }),
    ...(model.right === undefined ? {} : { model: model.right }),
  });
};

/** The files of a folder alone. */
const readOwnFiles = async (folder: string, keep: 'memory' | 'file'): Promise<Result<AdapterFiles>> => {
  const configPath = await existing(folder, adapterFileNames.config);
  if (E.isLeft(configPath)) return configPath;
  if (configPath.right === undefined)
    return fail(folder, adapterFileNames.config, 'no such file', 'Give the folder that PEFT saved the adapter to.');
  const path = await tensorsPath(folder);
  if (E.isLeft(path)) return path;
  const text = await readText(configPath.right);
  if (E.isLeft(text)) return text;
  const json = parsePythonJson(text.right, configPath.right);
  if (E.isLeft(json)) return json;
  const checkpoint = await openCheckpoint(path.right);
  if (E.isLeft(checkpoint)) return checkpoint;
  const tensors =
    keep === 'file' ? E.right(tensorsInFile(checkpoint.right, path.right)) : await readAll(checkpoint.right);
  await checkpoint.right.close();
  return E.map((all: ReadonlyMap<string, RawTensor>) => ({
    config: json.right.value,
    floats: json.right.floats,
    tensors: all,
  }))(tensors);
};

/**
 * Loads a PEFT adapter folder and checks it against a base model.
 *
 * @param folder folder with adapter_config.json and adapter_model.safetensors
 * @param spec the module tree of the base model
 */
export const loadAdapter = async (
  folder: string,
  spec: ModelSpec,
  options: ReadOptions = {},
): Promise<Result<DecodedAdapter>> => {
  const files = await readAdapterFiles(folder, options);
  return E.isLeft(files) ? files : decodeAdapter(files.right, spec);
};

const rawTensor = async (tensor: Tensor, dtype: DType): Promise<RawTensor> => ({
  dtype,
  shape: tensor.shape,
  bytes: encodeFloats(dtype, await read(tensor)),
});

/** What the file holds for the parameters; new tensors among it are the caller's. */
const fileTensors = ({ method, config, params }: Leaf): Readonly<Record<string, FileTensor>> =>
  method.toFile === undefined
    ? mapRecord(params, (tensor) => ({ tensor }))
    : (scope(() => method.toFile?.(config, params)) as Readonly<Record<string, FileTensor>>);

/** An adapter's files in memory. */
export interface EncodedAdapter {
  readonly config: string;
  readonly tensors: Uint8Array;
  /** The files of adapters inside it, by name; absent where it has none. */
  readonly nested?: Readonly<Record<string, EncodedAdapter>>;
}

/** The files of the adapters inside a leaf; `undefined` where there are none. */
const encodeNested = async (leaf: Leaf): Promise<Result<EncodedAdapter['nested']>> => {
  const files: (readonly [string, EncodedAdapter])[] = [];
  for (const [name, inner] of nestedLeaves(leaf)) {
    const encoded = E.isLeft(inner) ? inner : await encodeAdapter(inner.right);
    if (E.isLeft(encoded)) return encoded;
    files.push([name, encoded.right]);
  }
  return E.right(files.length === 0 ? undefined : recordOf(files));
};

/** The two files of an adapter as PEFT writes them, and those of the adapters inside it. */
export const encodeAdapter = async (leaf: Leaf): Promise<Result<EncodedAdapter>> => {
  const nested = await encodeNested(leaf);
  if (E.isLeft(nested)) return nested;
  const tensors = new Map<string, RawTensor>();
  const stored = outside(leaf, fileTensors(leaf));
  for (const [name, { tensor, dtype }] of Object.entries(stored)) {
    tensors.set(name, await rawTensor(tensor, dtype ?? leaf.dtypes[name] ?? 'F32'));
  }
  dispose(
    mapRecord(stored, ({ tensor }) => tensor),
    { keep: leaf.params },
  );
  for (const [name, original] of Object.entries(leaf.copies)) {
    tensors.set(name, await rawTensor(leaf.params[original] as Tensor, leaf.dtypes[name] ?? 'F32'));
  }
  for (const [name, indices] of Object.entries(leaf.indices)) {
    tensors.set(name, encodeIndices(leaf.dtypes[name] ?? 'I32', indices));
  }
  return E.map((bytes: Uint8Array) => ({
    config: encodeConfig(leaf.method.fields, leaf.config),
    tensors: bytes,
    ...(nested.right === undefined ? {} : { nested: nested.right }),
  }))(serialize(tensors, new Map([['format', 'pt']])));
};

const writeInto = async (writer: Writer, { config, tensors, nested = {} }: EncodedAdapter): Promise<Result<void>> => {
  const text = await writer.writeFile(adapterFileNames.config, config);
  const bytes = E.isLeft(text) ? text : await writer.writeFile(adapterFileNames.tensors, tensors);
  if (E.isLeft(bytes)) return bytes;
  for (const [name, files] of Object.entries(nested)) {
    const inner = await writer.folder(name);
    const written = E.isLeft(inner) ? inner : await writeInto(inner.right, files);
    if (E.isLeft(written)) return written;
  }
  return E.right(undefined);
};

/**
 * Saves an adapter as a folder that PEFT loads, adapters inside it as folders in that; nothing is left when it fails.
 *
 * @param folder a new or empty folder
 */
export const saveAdapter = async (folder: string, leaf: Leaf): Promise<Result<void>> => {
  const files = await encodeAdapter(leaf);
  if (E.isLeft(files)) return files;
  return writeFolderAtomic(folder, (writer) => writeInto(writer, files.right));
};

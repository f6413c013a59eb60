/**
 * Golden cases: one folder each, computed by PEFT.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as t from 'io-ts';
import type { AdapterFiles } from '../src/adapters/decode.js';
import { E } from '../src/fp.js';
import { checkpointOf, type Checkpoint } from '../src/io/checkpoint.js';
import { readAdapterFiles, readAll } from '../src/io/peft.js';
import type { RawTensor } from '../src/io/safetensors/write.js';
import { specFromModules, specOf } from '../src/models/spec-of.js';
import type { ModelSpec } from '../src/models/spec.js';
import { recordOf, type Shape } from '../src/ops/tensor.js';
import { fail, type Result } from '../src/problem.js';
import { orThrow } from './or-throw.js';

const CaseJson = t.intersection([
  t.type({ id: t.string, base: t.string, family: t.string, peft_type: t.string }),
  t.partial({ merge_error: t.string, grad_error: t.string, note: t.string, config: t.UnknownRecord }),
]);

/** The two files of an adapter. */
export interface FileBytes {
  readonly config: string;
  readonly tensors: Uint8Array;
}

const fileBytes = async (folder: string): Promise<FileBytes> => ({
  config: await readFile(join(folder, 'adapter_config.json'), 'utf8'),
  tensors: await readFile(join(folder, 'adapter_model.safetensors')),
});

/** A golden case in memory. */
export interface GoldenCase {
  readonly id: string;
  readonly method: string;
  readonly family: string;
  /** PEFT refused to merge, with this message. */
  readonly mergeError: string | undefined;
  readonly spec: ModelSpec;
  readonly base: Checkpoint;
  readonly files: AdapterFiles;
  readonly adapterBytes: Uint8Array;
  readonly configText: string;
  /** The files of adapters inside it as PEFT wrote them, by name. */
  readonly nested: ReadonlyMap<string, FileBytes>;
  readonly expected: ReadonlyMap<string, RawTensor>;
}

/** Folders below a root that hold a case.json, sorted. */
export const caseFolders = async (root: string): Promise<ReadonlyArray<string>> => {
  const entries = await readdir(root, { withFileTypes: true, recursive: true });
  return entries
    .filter((e) => e.isFile() && e.name === 'case.json')
    .map((e) => e.parentPath)
    .toSorted();
};

const baseFolder = (folder: string, base: string): string => join(folder, '..', '..', 'bases', base);

const shapesOf = (checkpoint: Checkpoint): Readonly<Record<string, Shape>> =>
  recordOf([...checkpoint.tensors].map(([name, { shape }]) => [name, shape] as const));

const readSpec = async (folder: string, checkpoint: Checkpoint): Promise<Result<ModelSpec>> => {
  const text = (name: string): Promise<string | undefined> =>
    readFile(join(folder, name), 'utf8').catch(() => undefined);
  const modules = await text('modules.json');
  if (modules !== undefined) return specFromModules(JSON.parse(modules), shapesOf(checkpoint));
  const config = await text('config.json');
  if (config === undefined) return fail(folder, 'config.json or modules.json', 'neither');
  return specOf(JSON.parse(config) as Record<string, unknown>, checkpoint.tensors);
};

/** The identity and method of a case, cheap to read. */
export const caseHeader = async (folder: string): Promise<t.TypeOf<typeof CaseJson>> => {
  const json = CaseJson.decode(JSON.parse(await readFile(join(folder, 'case.json'), 'utf8')));
  if (E.isLeft(json)) throw new Error(`${folder}: not a golden case`);
  return json.right;
};

/** Reads a whole case. */
export const readCase = async (folder: string): Promise<GoldenCase> => {
  const header = await caseHeader(folder);
  const base = baseFolder(folder, header.base);
  const checkpoint = orThrow(checkpointOf(await readFile(join(base, 'model.safetensors')), 'model.safetensors'));
  const expected = orThrow(checkpointOf(await readFile(join(folder, 'expected.safetensors'))));
  const files = orThrow(await readAdapterFiles(folder));
  const own = await fileBytes(folder);
  const nested = new Map<string, FileBytes>();
  for (const name of files.nested?.keys() ?? []) nested.set(name, await fileBytes(join(folder, name)));
  return {
    id: header.id,
    method: header.peft_type,
    family: header.family,
    mergeError: header.merge_error,
    spec: orThrow(await readSpec(base, checkpoint)),
    base: checkpoint,
    files,
    adapterBytes: own.tensors,
    configText: own.config,
    nested,
    expected: orThrow(await readAll(expected)),
  };
};

/**
 * `weft inspect PATH`: what a folder or a file is.
 */
import { pathInside, statFile } from '#fs';
import { E } from '../../fp.js';
import { openCheckpoint } from '../../io/checkpoint.js';
import { openModel } from '../../io/model.js';
import { adapterFileNames, readAdapterFiles } from '../../io/peft.js';
import { struct } from '../../models/config.js';
import type { ModelSpec } from '../../models/spec.js';
import { currentBackend } from '../../ops/backend.js';
import { fail, orProblems, type Result } from '../../problem.js';
import { command, type Report } from '../command.js';
import { describeAdapter } from '../describe/adapter.js';
import { describeCheckpoint, describeModel } from '../describe/model.js';
import { givenExperts, unknownExperts, type Experts } from '../experts.js';
import { optionalText } from '../given.js';
import { startBackend } from '../start-backend.js';

interface Options {
  readonly path: string;
  readonly base: string | undefined;
  readonly experts: Experts;
}

const hasFile = async (folder: string, name: string): Promise<Result<boolean>> => {
  const path = await pathInside(folder, name);
  if (E.isLeft(path)) return path;
  return E.map(({ kind }: { readonly kind: string }) => kind === 'file')(await statFile(path.right));
};

const inspectModel = async (path: string): Promise<Result<Report>> => {
  const model = await openModel(path);
  if (E.isLeft(model)) return model;
  await model.right.checkpoint.close();
  return E.right(describeModel(path, model.right));
};

const inspectCheckpoint = async (path: string): Promise<Result<Report>> => {
  const checkpoint = await openCheckpoint(path);
  if (E.isLeft(checkpoint)) return checkpoint;
  await checkpoint.right.close();
  return E.right(describeCheckpoint(path, checkpoint.right));
};

const specOfFolder = async (folder: string): Promise<Result<ModelSpec>> => {
  const model = await openModel(folder);
  if (E.isLeft(model)) return model;
  await model.right.checkpoint.close();
  return E.right(model.right.spec);
};

const inspectAdapter = async ({ path, base, experts }: Options): Promise<Result<Report>> => {
  const spec = base === undefined ? E.right(undefined) : await specOfFolder(base);
  if (E.isLeft(spec)) return spec;
  // Decoding makes tensors, though nothing is computed with them here.
  const started = await startBackend(currentBackend() ?? 'cpu');
  if (E.isLeft(started)) return started;
  const files = await readAdapterFiles(path, { nested: experts });
  if (E.isLeft(files)) return files;
  const unknown = unknownExperts(experts, [...(files.right.nested?.keys() ?? [])]);
  return E.chain(() => describeAdapter(path, files.right, spec.right))(orProblems(unknown, () => undefined));
};

const run = async (options: Options): Promise<Result<Report>> => {
  const found = await statFile(options.path);
  if (E.isLeft(found)) return found;
  if (found.right.kind === 'missing') return fail(options.path, 'a folder or a safetensors file', 'nothing there');
  if (found.right.kind !== 'folder') return inspectCheckpoint(options.path);
  const adapter = await hasFile(options.path, adapterFileNames.config);
  if (E.isLeft(adapter)) return adapter;
  if (adapter.right) return inspectAdapter(options);
  const config = await hasFile(options.path, 'config.json');
  if (E.isLeft(config)) return config;
  return config.right ? inspectModel(options.path) : inspectCheckpoint(options.path);
};

/** Says what a model folder, an adapter folder or a safetensors file is. */
export const inspect = command<Options>({
  decode: (given) =>
    struct<{ [K in keyof Options]: Options[K] }>({
      path: E.right(given.operands[0] ?? ''),
      base: optionalText(given, 'base'),
      experts: givenExperts(given),
    }),
  run,
});

/**
 * Merging a model folder into another one.
 */
import { openLanes, pathInside, readText, writeFolderAtomic } from '#fs';
import type { Adapter, Mergeable } from '../../adapters/adapter.js';
import { E } from '../../fp.js';
import { fail, type Result } from '../../problem.js';
import type { Writer } from '../file-system.js';
import type { OpenModel } from '../model.js';
import { parsePythonJson, type ParsedJson } from '../json.js';
import { pythonJson } from '../python-json.js';
import { copyBeside } from './rest.js';
import { planMerge, type MergePlan } from './plan.js';
import { runMerge, type MergeOptions } from './run.js';

const indexName = 'model.safetensors.index.json';

/** Whether every tensor keeps its name and file, so that the base's index and config stay true. */
const sameNames = ({ checkpoint }: OpenModel, plan: MergePlan): boolean =>
  plan.files.every((f) => {
    const names = [...(checkpoint.files.get(f.name)?.header.tensors.keys() ?? [])];
    return names.length === f.tensors.length && f.tensors.every((t, i) => t.name === names[i]);
  });

const indexText = (plan: MergePlan): string =>
  `${pythonJson({
    metadata: { total_size: plan.totalBytes },
    weight_map: Object.fromEntries(plan.files.flatMap((f) => f.tensors.map((t) => [t.name, f.name]))),
  })}\n`;

/** config.json with the fields that the module tree changed, floats spelled as the base spells them. */
const configText = async (folder: string, config: Readonly<Record<string, unknown>>): Promise<Result<string>> => {
  const path = await pathInside(folder, 'config.json');
  if (E.isLeft(path)) return path;
  const text = await readText(path.right);
  if (E.isLeft(text)) return text;
  return E.map(({ floats }: ParsedJson) => `${pythonJson(config, floats)}\n`)(parsePythonJson(text.right, path.right));
};

/** Files that a changed module tree rewrites: the shard index and config.json. */
const rewriteNames = async (
  model: OpenModel,
  folder: string,
  plan: MergePlan,
  writer: Writer,
): Promise<Result<ReadonlySet<string>>> => {
  const rewritten: (readonly [string, string])[] = [];
  if (model.checkpoint.index !== undefined && !sameNames(model, plan)) rewritten.push([indexName, indexText(plan)]);
  if (plan.spec.config !== model.spec.config) {
    const config = await configText(folder, plan.spec.config);
    if (E.isLeft(config)) return config;
    rewritten.push(['config.json', config.right]);
  }
  for (const [name, text] of rewritten) {
    const written = await writer.writeFile(name, text);
    if (E.isLeft(written)) return written;
  }
  return E.right(new Set(rewritten.map(([name]) => name)));
};

/** Options of a merge from folder to folder. */
export interface FolderMergeOptions extends Omit<MergeOptions, 'copyFile'> {
  /** Threads that merge, this one among them; 1 unless told. Not used where `lanes` are given. */
  readonly workers?: number;
  /** Whether to wait until the disk has all files, as it does unless told. See `FileSystem.writeFolderAtomic`. */
  readonly durable?: boolean;
}

/** How many threads merge, and with which kernel. */
type LaneOptions = Pick<FolderMergeOptions, 'workers' | 'fma'>;

/** Runs `f` with threads, which start meanwhile, and are ended afterwards, whatever happens. */
export const inLanes = async <A>(
  { workers = 1, fma = false }: LaneOptions,
  f: (options: Pick<MergeOptions, 'lanes'>) => Promise<Result<A>>,
): Promise<Result<A>> => {
  const lanes = workers > 1 ? await openLanes(workers, fma) : E.right(undefined);
  if (E.isLeft(lanes)) return lanes;
  try {
    return await f(lanes.right === undefined ? {} : { lanes: lanes.right });
  } finally {
    await lanes.right?.close();
  }
};

/**
 * Merges an adapter into a model folder: out/ = apply(adapter, base/).
 *
 * The output is a whole model folder: merged safetensors in the base's layout, config.json, tokenizer and whatever else
 * lay beside the weights. It appears in one step; on any problem nothing is left.
 *
 * @param model the opened base
 * @param folder the base's folder
 * @param out a new or empty folder
 * @returns the plan that was carried out
 */
export const mergeFolder = async (
  model: OpenModel,
  folder: string,
  adapter: Adapter<Mergeable>,
  out: string,
  options: FolderMergeOptions = {},
): Promise<Result<MergePlan>> => {
  const plan = planMerge(model.checkpoint, adapter, model.spec);
  if (E.isLeft(plan)) return plan;
  if (plan.right.changed.length === 0) return fail('adapter', 'an adapter that changes a tensor', 'none');
  const write = (own: Pick<MergeOptions, 'lanes'>): Promise<Result<MergePlan>> =>
    writeFolderAtomic(
      out,
      async (writer) => {
        const merged = await runMerge(plan.right, model.checkpoint, adapter, writer, {
          ...options,
          ...own,
          copyFile: async (name) => {
            const path = await pathInside(folder, name);
            return E.isLeft(path) ? path : writer.copyFile(path.right, name);
          },
        });
        if (E.isLeft(merged)) return merged;
        const rewritten = await rewriteNames(model, folder, plan.right, writer);
        if (E.isLeft(rewritten)) return rewritten;
        const index = model.checkpoint.index !== undefined && !rewritten.right.has(indexName);
        const kept = await copyBeside(folder, writer, rewritten.right);
        if (E.isLeft(kept)) return kept;
        if (index) {
          const copied = await writer.copyFile(model.checkpoint.index as string, indexName);
          if (E.isLeft(copied)) return copied;
        }
        return plan;
      },
      options.durable,
    );
  return options.lanes === undefined ? inLanes(options, write) : write({});
};

/**
 * What lies beside a model's weights: config.json, the tokenizer, a model card.
 */
import { listFolder, pathInside, statFile } from '#fs';
import { E } from '../../fp.js';
import type { Result } from '../../problem.js';
import type { Writer } from '../file-system.js';

/** Weights in any format, and their indices: stale beside other weights. */
const weights = /\.(safetensors|bin|pt|pth|gguf|onnx|msgpack|h5|ot|ckpt)$|\.(bin|safetensors)\.index\.json$/;

/** The files of a model folder that are no weights, by name. Folders in it are left out. */
export const filesBeside = async (
  folder: string,
): Promise<Result<ReadonlyArray<{ readonly name: string; readonly path: string }>>> => {
  const names = await listFolder(folder);
  if (E.isLeft(names)) return names;
  const files: { readonly name: string; readonly path: string }[] = [];
  for (const name of names.right.filter((n) => !weights.test(n))) {
    const path = await pathInside(folder, name);
    if (E.isLeft(path)) return path;
    const found = await statFile(path.right);
    if (E.isLeft(found)) return found;
    if (found.right.kind === 'file') files.push({ name, path: path.right });
  }
  return E.right(files);
};

/** Copies them, except those in `skip`. */
export const copyBeside = async (folder: string, writer: Writer, skip: ReadonlySet<string>): Promise<Result<void>> => {
  const files = await filesBeside(folder);
  if (E.isLeft(files)) return files;
  for (const { name, path } of files.right.filter((f) => !skip.has(f.name))) {
    const copied = await writer.copyFile(path, name);
    if (E.isLeft(copied)) return copied;
  }
  return E.right(undefined);
};

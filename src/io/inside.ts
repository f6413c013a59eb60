/**
 * What lies inside of an adapter's folder, where untrusted content names it.
 */
import { pathInside, readText, statFile } from '#fs';
import { E } from '../fp.js';
import { fail, type Result } from '../problem.js';
import { parsePythonJson } from './json.js';

/** The path of a file in a folder; `undefined` where it is not there. */
export const existing = async (folder: string, name: string): Promise<Result<string | undefined>> => {
  const path = await pathInside(folder, name);
  if (E.isLeft(path)) return path;
  const found = await statFile(path.right);
  if (E.isLeft(found)) return found;
  return E.right(found.right.kind === 'file' ? path.right : undefined);
};

/** A folder below another, named by untrusted content; `undefined` where it is not there or would lead out. */
export const folderInside = async (folder: string, path: string): Promise<string | undefined> => {
  let at = folder;
  for (const name of path.split('/').filter((part) => part !== '.')) {
    const next = await pathInside(at, name);
    if (E.isLeft(next)) return undefined;
    at = next.right;
  }
  const found = await statFile(at);
  return E.isRight(found) && found.right.kind === 'folder' ? at : undefined;
};

/**
 * config.json of a model whose tensors an adapter holds: from the folder that the caller gives, or from the path in the config, where
 * this leads to a folder inside; nothing where it names none, or none is there.
 */
export const readModel = async (
  folder: string,
  path: string | undefined,
  given: string | undefined,
): Promise<Result<unknown>> => {
  const found = path === undefined ? undefined : (given ?? (await folderInside(folder, path)));
  const config = found === undefined ? E.right(undefined) : await existing(found, 'config.json');
  if (E.isLeft(config)) return config;
  if (config.right === undefined)
    return given === undefined || path === undefined
      ? E.right(undefined)
      : fail(given, 'config.json', 'no such file', 'Give the folder of the model that the adapter names.');
  const text = await readText(config.right);
  return E.isLeft(text)
    ? text
    : E.map(({ value }: { readonly value: unknown }) => value)(parsePythonJson(text.right, config.right));
};

/**
 * `config.json` of a model folder.
 */
import { pathInside, readText } from '#fs';
import { E } from '../fp.js';
import { fail, type Result } from '../problem.js';
import { showValue } from './decode.js';
import { parseJson } from './json.js';

/** A model's configuration is a few kilobytes; anything above this is something else. */
const MAX_CONFIG_BYTES = 16_000_000;

/**
 * The configuration of the model in a folder, a record without prototype; Python's `Infinity` is understood, which some
 * configurations (Mamba 2) hold.
 */
export const readConfig = async (folder: string): Promise<Result<Readonly<Record<string, unknown>>>> => {
  const path = await pathInside(folder, 'config.json');
  if (E.isLeft(path)) return path;
  const text = await readText(path.right, MAX_CONFIG_BYTES);
  if (E.isLeft(text)) return text;
  const json = parseJson(text.right, path.right, { python: true });
  if (E.isLeft(json)) return json;
  const value = json.right;
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? E.right(value as Readonly<Record<string, unknown>>)
    : fail(path.right, 'a JSON object', showValue(value));
};

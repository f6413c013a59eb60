/**
 * Where results go: JSON and a chart in a folder.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { svgOf, type Chart } from './chart.js';

/** What a bench found. */
export interface Report {
  /** Name of its files. */
  readonly name: string;
  /** Everything that was measured, to be written as JSON. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly chart?: Chart;
  /** For people, ratios first. */
  readonly text: string;
}

/** Writes `<name>.json` and `<name>.svg`; gives their paths. */
export const writeReport = (folder: string, { name, data, chart }: Report): ReadonlyArray<string> => {
  mkdirSync(folder, { recursive: true });
  const files = [
    [join(folder, `${name}.json`), `${JSON.stringify(data, null, 2)}\n`] as const,
    ...(chart === undefined ? [] : [[join(folder, `${name}.svg`), svgOf(chart)] as const]),
  ];
  files.forEach(([path, content]) => writeFileSync(path, content));
  return files.map(([path]) => path);
};

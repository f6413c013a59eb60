/**
 * `npm run docs:bench`: the section of README and docs/BENCH.md from the JSON in bench/results. With `--check` it writes nothing and
 * fails where they say something else.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { benches } from '../bench/catalog.js';
import { benchPage, readmeSection, type Results } from '../bench/documents.js';
import { decodeMergeFound } from '../bench/merge-section.js';
import { notMerged } from '../bench/methods/adapters.js';
import { markdownTable } from '../bench/present.js';
import { decodeFound } from '../bench/result.js';
import { orThrow } from '../parity/or-throw.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const MARKERS = ['<!-- bench:start -->', '<!-- bench:end -->'] as const;

const readResult = async (name: string): Promise<unknown> => {
  const text = await readFile(`${root}bench/results/${name}.json`, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as unknown);
};

const readResults = async (): Promise<Results> => {
  const merge = await readResult('merge');
  const names = benches.map(({ name }) => name).filter((name) => name !== 'merge');
  const compared = await Promise.all(names.map(async (name) => [name, await readResult(name)] as const));
  return {
    merge: merge === undefined ? undefined : orThrow(decodeMergeFound(merge)),
    compared: compared.flatMap(([name, json]) => (json === undefined ? [] : [orThrow(decodeFound(name, json))])),
  };
};

/** A text with another one between the markers. */
const between = (text: string, section: string): string => {
  const [start, end] = MARKERS.map((marker) => text.indexOf(marker)) as [number, number];
  if (start < 0 || end < start) throw new Error(`README.md: expected ${MARKERS.join(' and ')}`);
  return `${text.slice(0, start)}${MARKERS[0]}\n\n${section}\n\n${text.slice(end)}`;
};

const unmerged = markdownTable(
  ['Not merged by PEFT', ''],
  Object.entries(notMerged).map((row) => [...row]),
);

const results = await readResults();
const readme = await readFile(`${root}README.md`, 'utf8');
const documents = [
  ['README.md', between(readme, readmeSection(results))],
  ['docs/BENCH.md', benchPage(results, { methods: [unmerged] })],
] as const;

for (const [name, text] of documents) {
  const path = `${root}${name}`;
  const formatted = await format(text, { ...(await resolveConfig(path)), parser: 'markdown' });
  if (process.argv.includes('--check')) {
    const same = (await readFile(path, 'utf8').catch(() => '')) === formatted;
    if (!same) process.exitCode = 1;
    console.log(`${name}: ${same ? 'as bench/results says' : 'bench/results says something else; npm run docs:bench'}`);
  } else {
    await writeFile(path, formatted);
    console.log(`wrote ${name}`);
  }
}

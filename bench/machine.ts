/**
 * What a measurement was made on.
 */
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import * as t from 'io-ts';

/** Machine and versions: `memory` in GiB, rounded to tenths; `packages` are Weft and those that compute. */
export const Machine = t.readonly(
  t.type({
    name: t.string,
    cpu: t.string,
    cores: t.number,
    memory: t.number,
    os: t.string,
    node: t.string,
    packages: t.readonly(t.record(t.string, t.string)),
  }),
);

export type Machine = t.TypeOf<typeof Machine>;

const computing = ['@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-wasm'];

const versionIn = (folder: string): string => {
  const { version } = JSON.parse(readFileSync(new URL(`${folder}package.json`, import.meta.url), 'utf8')) as {
    readonly version: string;
  };
  return version;
};

/** The version of an installed package. */
export const versionOf = (name: string): string => versionIn(`../node_modules/${name}/`);

const distribution = (): string | undefined => {
  try {
    return /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  } catch {
    return undefined;
  }
};

/** This machine. `WEFT_MACHINE` says what it is called; its host name is nobody's business. */
export const machine = (): Machine => ({
  name: process.env['WEFT_MACHINE'] ?? `${cpus().length} cores`,
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: cpus().length,
  memory: Math.round((10 * totalmem()) / 2 ** 30) / 10,
  os: [distribution(), type(), release().split('-')[0]].filter((part) => part !== undefined).join(' '),
  node: process.version,
  packages: {
    weftjs: versionIn('../'),
    ...Object.fromEntries(computing.map((name) => [name, versionOf(name)])),
  },
});

const versionsLine = (versions: Readonly<Record<string, string>>): string =>
  Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ');

/** Lines for a chart: the machine, Weft's versions, and those of others. */
export const captionOf = (m: Machine, others?: Readonly<Record<string, string>>): ReadonlyArray<string> => [
  `${m.name}: ${m.cpu}, ${m.cores} cores, ${m.memory} GiB, ${m.os}`,
  versionsLine({ node: m.node, ...m.packages }),
  ...(others === undefined ? [] : [versionsLine(others)]),
];

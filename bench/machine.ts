/**
 * What a measurement was made on.
 */
import { readFileSync } from 'node:fs';
import { cpus, hostname, release, totalmem, type } from 'node:os';

/** Machine and versions. */
export interface Machine {
  readonly name: string;
  readonly cpu: string;
  readonly cores: number;
  /** GiB, rounded to tenths. */
  readonly memory: number;
  readonly os: string;
  readonly node: string;
  /** Weft and the packages that compute. */
  readonly packages: Readonly<Record<string, string>>;
}

const computing = ['@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-wasm'];

const versionIn = (folder: string): string => {
  const { version } = JSON.parse(readFileSync(new URL(`${folder}package.json`, import.meta.url), 'utf8')) as {
    readonly version: string;
  };
  return version;
};

const distribution = (): string | undefined => {
  try {
    return /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  } catch {
    return undefined;
  }
};

/** This machine. `WEFT_MACHINE` names it where its host name says nothing. */
export const machine = (): Machine => ({
  name: process.env['WEFT_MACHINE'] ?? hostname(),
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: cpus().length,
  memory: Math.round((10 * totalmem()) / 2 ** 30) / 10,
  os: [distribution(), type(), release().split('-')[0]].filter((part) => part !== undefined).join(' '),
  node: process.version,
  packages: {
    weftjs: versionIn('../'),
    ...Object.fromEntries(computing.map((name) => [name, versionIn(`../node_modules/${name}/`)])),
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

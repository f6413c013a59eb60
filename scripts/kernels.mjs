/**
 * Compiles kernels/*.ts, which are AssemblyScript, into src/ops/kernels/*-wasm.ts: the module in base64 beside a hash of its source, which
 * is the file and those in the folder of its name, in the order of their names.
 * The plain build has no fused multiply-add: the same source gives the same bytes, and they the same results everywhere. A kernel
 * that pays for being faster has a second, relaxed one.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const flags = ['-O3', '--noAssert', '--runtime', 'stub'];

/** What is unusual about a kernel: whether it works in another module's memory, and whether it has a relaxed build. */
const kernels = {
  gemm: { imports: true, relaxed: true },
  elements: { imports: true, relaxed: true },
  columns: { imports: true },
  merge: { relaxed: true },
};

/** Decorators of functions are no TypeScript, so they stand in comments, where formatter and linter can read the file. */
const withDecorators = (source) => source.replaceAll(/^\/\/ @inline$/gm, '@inline');

const folder = join(root, 'kernels');

/** A kernel's files by their paths in kernels/, the one of its name first. */
const filesOf = (name) => {
  const parts = existsSync(join(folder, name)) ? readdirSync(join(folder, name)).toSorted() : [];
  const paths = [`${name}.ts`, ...parts.map((part) => `${name}/${part}`)];
  return new Map(paths.map((path) => [path, readFileSync(join(folder, path), 'utf8')]));
};

const compiled = async (name, files, relaxed) => {
  const written = { bytes: undefined };
  const features = ['simd', 'bulk-memory', ...(relaxed ? ['relaxed-simd'] : [])].join(',');
  const memory = kernels[name]?.imports ? ['--importMemory', '--initialMemory', '0'] : [];
  const args = [`${name}.ts`, '--outFile', `${name}.wasm`, ...flags, '--enable', features, ...memory];
  const { error, stderr } = await asc.main(args, {
    readFile: (path) => (files.has(path) ? withDecorators(files.get(path)) : null),
    writeFile: (_, content) => void (written.bytes = content),
    listFiles: () => [],
  });
  if (error !== null || written.bytes === undefined) throw new Error(`${name}: ${stderr.toString()}`, { cause: error });
  return written.bytes;
};

/** A module as lines of TypeScript. */
const exported = (name, doc, bytes) => [
  '',
  `/** ${doc} in base64; ${bytes.length} bytes. */`,
  `export const ${name} =`,
  `  '${Buffer.from(bytes).toString('base64')}';`,
];

for (const file of readdirSync(folder).filter((f) => f.endsWith('.ts'))) {
  const name = file.slice(0, -3);
  const files = filesOf(name);
  const source = [...files.values()].join('');
  const plain = await compiled(name, files, false);
  const relaxed = kernels[name]?.relaxed ? await compiled(name, files, true) : undefined;
  const lines = [
    '/**',
    ` * kernels/${file} as WebAssembly: made by \`npm run kernels\`, not to be edited.`,
    ' */',
    '',
    '/** SHA-256 of the source that the module was made from. */',
    `export const source = '${createHash('sha256').update(source).digest('hex')}';`,
    ...exported('wasm', 'The module', plain),
    ...(relaxed === undefined ? [] : exported('relaxedWasm', 'The relaxed build', relaxed)),
    '',
  ];
  writeFileSync(join(root, 'src/ops/kernels', `${name}-wasm.ts`), lines.join('\n'));
  console.log(`${name}: ${plain.length} bytes${relaxed === undefined ? '' : `, relaxed ${relaxed.length}`}`);
}

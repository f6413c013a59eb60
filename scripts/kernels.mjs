/**
 * Compiles kernels/*.ts, which are AssemblyScript, into src/ops/kernels/*-wasm.ts: the module in base64 beside a hash of its source.
 * The plain build has no fused multiply-add: the same source gives the same bytes, and they the same results everywhere. A kernel
 * that pays for being faster has a second, relaxed one.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const flags = ['-O3', '--noAssert', '--runtime', 'stub'];

/** What is unusual about a kernel: whether it works in another module's memory, and whether it has a relaxed build. */
const kernels = { gemm: { imports: true, relaxed: true } };

/** Decorators of functions are no TypeScript, so they stand in comments, where formatter and linter can read the file. */
const withDecorators = (source) => source.replaceAll(/^\/\/ @inline$/gm, '@inline');

const compiled = async (name, source, relaxed) => {
  const written = { bytes: undefined };
  const features = ['simd', 'bulk-memory', ...(relaxed ? ['relaxed-simd'] : [])].join(',');
  const memory = kernels[name]?.imports ? ['--importMemory', '--initialMemory', '0'] : [];
  const args = [`${name}.ts`, '--outFile', `${name}.wasm`, ...flags, '--enable', features, ...memory];
  const { error, stderr } = await asc.main(args, {
    readFile: (path) => (path === `${name}.ts` ? withDecorators(source) : null),
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

for (const file of readdirSync(join(root, 'kernels')).filter((f) => f.endsWith('.ts'))) {
  const name = file.slice(0, -3);
  const source = readFileSync(join(root, 'kernels', file), 'utf8');
  const plain = await compiled(name, source, false);
  const relaxed = kernels[name]?.relaxed ? await compiled(name, source, true) : undefined;
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

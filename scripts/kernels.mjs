/**
 * Compiles kernels/*.ts, which are AssemblyScript, into src/ops/kernels/*-wasm.ts: the module in base64 beside a hash of its source.
 * The build has no options and no fused multiply-add: the same source gives the same bytes, and they the same results everywhere.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const flags = ['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd,bulk-memory'];

/** Decorators of functions are no TypeScript, so they stand in comments, where formatter and linter can read the file. */
const withDecorators = (source) => source.replaceAll(/^\/\/ @inline$/gm, '@inline');

const compiled = async (name, source) => {
  const written = { bytes: undefined };
  const { error, stderr } = await asc.main([`${name}.ts`, '--outFile', `${name}.wasm`, ...flags], {
    readFile: (path) => (path === `${name}.ts` ? withDecorators(source) : null),
    writeFile: (_, content) => void (written.bytes = content),
    listFiles: () => [],
  });
  if (error !== null || written.bytes === undefined) throw new Error(`${name}: ${stderr.toString()}`, { cause: error });
  return written.bytes;
};

for (const file of readdirSync(join(root, 'kernels')).filter((f) => f.endsWith('.ts'))) {
  const name = file.slice(0, -3);
  const source = readFileSync(join(root, 'kernels', file), 'utf8');
  const bytes = Buffer.from(await compiled(name, source));
  const lines = [
    '/**',
    ` * kernels/${file} as WebAssembly: made by \`npm run kernels\`, not to be edited.`,
    ' */',
    '',
    '/** SHA-256 of the source that the module was made from. */',
    `export const source = '${createHash('sha256').update(source).digest('hex')}';`,
    '',
    `/** The module in base64; ${bytes.length} bytes. */`,
    'export const wasm =',
    `  '${bytes.toString('base64')}';`,
    '',
  ];
  writeFileSync(join(root, 'src/ops/kernels', `${name}-wasm.ts`), lines.join('\n'));
  console.log(`${name}: ${bytes.length} bytes`);
}

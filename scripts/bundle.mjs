/**
 * Bundles the command into dist/cli: a process that loads few files starts sooner and in less memory than one that loads hundreds.
 *
 * tfjs stays outside, where it finds its .wasm files, and is loaded by `require`: Node reads a CommonJS package that is imported
 * twice, first for its names, which takes longer for tfjs than all the rest.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build } from 'esbuild';

const load = createRequire(import.meta.url);

const required = {
  name: 'required',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^@tensorflow\// }, ({ path, namespace }) =>
      namespace === 'required' ? { path, external: true } : { path, namespace: 'required' },
    );
    onLoad({ filter: /.*/, namespace: 'required' }, ({ path }) => {
      const names = Object.keys(load(path)).filter((name) => name !== 'default');
      return { contents: `export const { ${names.join(', ')} } = require(${JSON.stringify(path)});` };
    });
  },
};

/** The texts of the licenses of packages whose code is in the bundle. */
const licensesOf = (root, inputs) => {
  const packages = new Set(inputs.flatMap((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []));
  return [...packages].toSorted().map((name) => {
    const folder = join(root, 'node_modules', name);
    const file = readdirSync(folder).find((f) => /^licen[cs]e/i.test(f));
    if (file === undefined) throw new Error(`${name} has no file of its license, so its code cannot be bundled`);
    return `${name}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
  });
};

/** Writes dist/cli: main.js, the code of each command and of threads, and the licenses of what is in there. */
export const bundle = async (root) => {
  const { peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { main: 'src/cli/main.ts', thread: 'src/io/node/thread.ts' },
    outdir: 'dist/cli',
    // side by side, as version.ts and lanes.ts look for package.json and thread.js
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    mainFields: ['module', 'main'],
    conditions: ['weft-source'],
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module';\nconst require = requireFrom(import.meta.url);",
    },
    // what may be missing is looked for when it is needed
    external: Object.keys(peerDependencies),
    plugins: [required],
    preserveSymlinks: true,
    metafile: true,
    logLevel: 'warning',
  });
  writeFileSync(join(root, 'dist/cli/LICENSES'), licensesOf(root, Object.keys(metafile.inputs)).join('\n'));
};

/**
 * Fails when modules of src/ import each other in a circle, types and `#` imports included (oxlint does not follow the latter).
 */
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { imports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const files = readdirSync(join(root, 'src'), { recursive: true })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join(root, 'src', name));

/** The source files that a `#` import may stand for: `./dist/x.js` is made from `./src/x.ts`. */
const behind = (name) =>
  [...new Set(Object.values(imports[name] ?? {}))].map((path) =>
    join(root, path.replace(/^\.\/dist\//, './src/').replace(/\.js$/, '.ts')),
  );

/** The source files that `file` imports, statically or by `import()`. */
const importsOf = (file) =>
  [...readFileSync(file, 'utf8').matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"]([.#][^'"]*)['"]/g)].flatMap(([, name]) =>
    name.startsWith('#') ? behind(name) : [join(dirname(file), name.replace(/\.js$/, '.ts'))],
  );

const graph = new Map(files.map((file) => [file, importsOf(file)]));
const done = new Set();

/** All circles that a walk from `file` closes; `path` is the way there. Each module is walked once. */
const circles = (file, path) => {
  if (path.includes(file)) return [[...path.slice(path.indexOf(file)), file]];
  if (done.has(file)) return [];
  const found = (graph.get(file) ?? []).flatMap((next) => circles(next, [...path, file]));
  done.add(file);
  return found;
};

const found = files.flatMap((file) => circles(file, []));
for (const circle of found) console.error(`cycle: ${circle.map((file) => relative(root, file)).join(' > ')}`);
console.log(`${files.length} modules, ${found.length} cycles`);
process.exitCode = found.length === 0 ? 0 : 1;

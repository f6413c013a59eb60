/**
 * Fails when a name that the package exports has no doc comment where it is declared.
 * Asks TypeScript itself, over the sources: no build is needed.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { API, SymbolFlags } from 'typescript/unstable/sync';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** Subpath and source of every entry: `['./ops', 'src/ops/index.ts']`. */
const entries = Object.entries(exports).flatMap(([name, target]) =>
  typeof target === 'object' ? [[name, join(root, target['weft-source'])]] : [],
);

const api = new API({ cwd: root });
const config = join(root, 'tsconfig.json');
const project = api.updateSnapshot({ openProject: config }).getProject(config);
const { checker, program } = project;

const isAlias = (symbol) => (symbol.flags & SymbolFlags.Alias) !== 0;
const isModule = (symbol) => (symbol.flags & SymbolFlags.ValueModule) !== 0;
const fileOf = (symbol) => symbol.declarations[0]?.path ?? '';
const isOurs = (symbol) => fileOf(symbol).startsWith(join(root, 'src') + sep);

/** `[name, symbol]` of everything of ours that a module exports; `export * as x` is walked into. */
const namesOf = (module, prefix) =>
  checker.getExportsOfModule(module).flatMap((exported) => {
    const symbol = isAlias(exported) ? checker.getAliasedSymbol(exported) : exported;
    const name = prefix + exported.name;
    if (!isOurs(symbol)) return [];
    return isModule(symbol) ? namesOf(symbol, `${name}.`) : [[name, symbol]];
  });

const absent = entries.filter(([, file]) => !existsSync(file));
const names = entries
  .filter(([, file]) => existsSync(file))
  .flatMap(([subpath, file]) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(file));
    return module === undefined ? [] : namesOf(module, `${subpath} `);
  });
const bare = names.filter(([, symbol]) => checker.getDocumentationCommentOfSymbol(symbol).trim() === '');

for (const [subpath, file] of absent) console.error(`${subpath}: ${relative(root, file)} is missing`);
for (const [name, symbol] of bare) console.error(`${name}: no doc comment in ${relative(root, fileOf(symbol))}`);
console.log(`docs: ${names.length - bare.length} of ${names.length} exported names have a doc comment`);
api.close();
process.exitCode = absent.length + bare.length === 0 ? 0 : 1;

/**
 * House style that oxlint has no rule for: no em dashes and no emoji, no file named after nothing, no dynamic import that
 * goes round the import rules.
 */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const places = ['src', 'test', 'docs', 'examples', 'bench', 'parity', 'scripts', '.ci', 'README.md', 'CHANGELOG.md'];
const text = /(\.(ts|mjs|js|md|json|py|sh|yml|yaml|wgsl)|\/run)$/;
const data = /^(test\/golden|examples\/data)\//;
const vague = /^(utils?|common|helpers?|misc)(\.|$)/;

const files = places
  .map((place) => join(root, place))
  .filter((place) => existsSync(place))
  .flatMap((place) =>
    statSync(place).isFile()
      ? [place]
      : readdirSync(place, { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath ?? entry.path, entry.name)),
  )
  .map((path) => relative(root, path))
  .filter((path) => text.test(path) && !data.test(path));

/** What is wrong with one line: `[problem, applies]` pairs. */
const ofLine = (path, line) => [
  ['em dash', line.includes('\u2014')],
  ['emoji', /\p{Emoji_Presentation}|\ufe0f|(?=[\u2600-\u27bf])\p{Extended_Pictographic}/u.test(line)],
  [
    'dynamic import of node: or tfjs outside its folder',
    /^src\/(?!ops\/|io\/node\/|cli\/)/.test(path) && /\bimport\(\s*['"](node:|@tensorflow\/)/.test(line),
  ],
];

const problems = files.flatMap((path) => [
  ...(path.split('/').some((part) => vague.test(part)) ? [`${path}: name it after what it holds`] : []),
  ...readFileSync(join(root, path), 'utf8')
    .split('\n')
    .flatMap((line, i) =>
      ofLine(path, line)
        .filter(([, applies]) => applies)
        .map(([problem]) => `${path}:${i + 1}: ${problem}`),
    ),
]);

for (const problem of problems) console.error(problem);
console.log(`style: ${files.length} files, ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;

/**
 * Prints the matrix of methods and laws: `npm run laws [-- --runs 50 --seed 1]`. Exit code 3 where a law is broken.
 */
import { registry } from '../src/adapters/registry.js';
import { E } from '../src/fp.js';
import { lawMatrix, type Cell } from '../src/laws/index.js';
import { useBackend } from '../src/ops/backend.js';
import { renderProblems } from '../src/problem.js';

const numberAfter = (flag: string, otherwise: number): number => {
  const i = process.argv.indexOf(flag);
  return i < 0 ? otherwise : Number(process.argv[i + 1]);
};

const line = (cell: Cell): string => {
  const mark = { holds: 'holds', broken: 'BROKEN', 'not applicable': 'n/a', todo: 'todo' }[cell.status];
  const ulps = cell.ulps === undefined || cell.ulps === 0 ? '' : `largest error ${cell.ulps.toPrecision(2)} ulps`;
  return `  ${mark.padEnd(7)} ${cell.law.padEnd(26)} ${cell.why === '' ? ulps : (cell.why.split('\n')[0] ?? '')}`.trimEnd();
};

const backend = await useBackend('wasm');
if (E.isLeft(backend)) {
  console.error(renderProblems(backend.left));
  process.exit(2);
}
const [runs, seed] = [numberAfter('--runs', 25), numberAfter('--seed', 20_260_101)];
console.log(`${runs} random subjects for each law, seed ${seed}, backend wasm`);
const cells = await lawMatrix(registry, { runs, seed });
for (const title of new Set(cells.map((c) => `${c.method}, ${c.algebra}`))) {
  console.log(`\n${title} adapters`);
  cells.filter((c) => `${c.method}, ${c.algebra}` === title).forEach((c) => console.log(line(c)));
}
const count = (status: Cell['status']): number => cells.filter((c) => c.status === status).length;
const broken = cells.filter((c) => c.status === 'broken');
broken.forEach((c) => console.error(`\n${c.method}, ${c.algebra}: ${c.why}`));
console.log(
  `\n${count('holds')} hold, ${count('broken')} broken, ${count('not applicable')} not applicable, ${count('todo')} todo`,
);
process.exitCode = broken.length === 0 ? 0 : 3;

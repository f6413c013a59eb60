/**
 * Prints the matrix of methods and laws: `npm run laws [-- --runs 50 --seed 1]`. Exit code 3 where a law is broken.
 */
import { registry } from '../src/adapters/registry.js';
import { E } from '../src/fp.js';
import { lawMatrix } from '../src/laws/index.js';
import { useBackend } from '../src/ops/backend.js';
import { renderProblems } from '../src/problem.js';

const numberAfter = (flag: string, otherwise: number): number => {
  const i = process.argv.indexOf(flag);
  return i < 0 ? otherwise : Number(process.argv[i + 1]);
};

const backend = await useBackend('wasm');
if (E.isLeft(backend)) {
  console.error(renderProblems(backend.left));
  process.exit(2);
}
const [runs, seed] = [numberAfter('--runs', 25), numberAfter('--seed', 20_260_101)];
console.log(`${runs} random subjects for each law, seed ${seed}, backend wasm`);
const { cells, text } = await lawMatrix(registry, { runs, seed });
const broken = cells.filter((c) => c.status === 'broken');
broken.forEach((c) => console.error(`\n${c.method}, ${c.algebra}: ${c.why}`));
console.log(`\n${text}`);
process.exitCode = broken.length === 0 ? 0 : 3;

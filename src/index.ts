/**
 * Weft: parameter-efficient fine-tuning as pure functions over immutable weight records.
 *
 * Tensor operations are under `weftjs/ops`; the laws and their arbitraries, which need fast-check, under `weftjs/laws`. The rest
 * is here and under `weftjs/adapters`, `weftjs/models` and `weftjs/io`.
 */
export * from './adapters/index.js';
export * from './io/index.js';
export * from './models/index.js';
export {
  currentBackend,
  dispose,
  key,
  mapRecord,
  numTensors,
  read,
  scope,
  split,
  tensorOf,
  useBackend,
  valueAndGrad,
  type Backend,
  type DType,
  type Key,
  type Tensor,
  type Weights,
} from './ops/index.js';
export {
  fail,
  problem,
  renderProblem,
  renderProblems,
  unsupported,
  type Problem,
  type Problems,
  type Result,
} from './problem.js';

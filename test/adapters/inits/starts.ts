/**
 * What PEFT makes of a small model (test/golden/lora-starts/generate.py).
 */
import { readFileSync } from 'node:fs';
import type { Leaf } from '../../../src/adapters/adapter.js';
import type { Started } from '../../../src/adapters/inits/started.js';
import type { LinearDetail } from '../../../src/adapters/methods/lora/update.js';
import type { ModelSpec } from '../../../src/models/spec.js';
import { read, scope, tensorOf } from '../../../src/ops/backend.js';
import { matMul } from '../../../src/ops/mat-mul.js';
import { matrix, type Matrix } from '../../../src/ops/linalg/index.js';
import { key } from '../../../src/ops/random.js';
import { mapRecord, recordOf, type Tensor } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { modelOf } from '../methods/trial.js';

/** A tensor at rest. */
export interface Stored {
  readonly shape: ReadonlyArray<number>;
  readonly data: ReadonlyArray<number>;
}

/** One layer as PEFT starts it: W is the residual base. */
export interface Start {
  readonly A: Stored;
  readonly B: Stored;
  readonly W: Stored;
  readonly r: number;
  readonly s: number;
}

type Starts = Readonly<Record<string, Start>>;

interface Eva {
  readonly start: Starts;
  readonly rank_pattern: Readonly<Record<string, number>>;
  readonly alpha_pattern: Readonly<Record<string, number>>;
  readonly target_modules: ReadonlyArray<string>;
}

interface Golden {
  readonly weights: Readonly<Record<string, Stored>>;
  readonly inputs: Readonly<Record<string, ReadonlyArray<Stored>>>;
  readonly gradients: Readonly<Record<string, Stored>>;
  readonly pissa: Starts;
  readonly pissa_niter_2: Starts;
  readonly olora: Starts;
  readonly mica: Starts;
  readonly corda_ipm: Starts;
  readonly corda_kpm: Starts;
  readonly lora_ga: ReadonlyArray<{
    readonly direction: 'ArB2r' | 'ArBr' | 'A2rBr' | 'random';
    readonly scale: 'stable' | 'gd_scale' | 'weight_svd' | 'unit';
    readonly start: Starts;
  }>;
  readonly eva: Eva;
  readonly eva_whitened: Eva;
  readonly velora: Readonly<
    Record<
      'random' | 'batch_average' | 'batch_average_once',
      {
        readonly tensors: Readonly<Record<string, Stored>>;
        readonly input: Stored;
        readonly input_gradient: Stored;
        readonly gradients: Readonly<Record<string, Stored>>;
        /** After the step. */
        readonly directions: Readonly<Record<string, Stored>>;
      }
    >
  >;
  readonly loha: Readonly<Record<string, Stored>>;
  readonly converted: ReadonlyArray<{
    readonly asked: number;
    readonly result: {
      readonly r: number;
      readonly lora_alpha: number;
      readonly rank_pattern: Readonly<Record<string, number>>;
      readonly alpha_pattern: Readonly<Record<string, number>>;
      readonly target_modules: ReadonlyArray<string>;
      readonly product: Readonly<Record<string, Stored>>;
    };
  }>;
  readonly plain: {
    readonly trained: Starts;
    readonly r: number;
    readonly lora_alpha: number;
    readonly rank_pattern: Readonly<Record<string, number>>;
    readonly alpha_pattern: Readonly<Record<string, number>>;
  };
}

const path = new URL('../../golden/lora-starts/starts.json', import.meta.url);

/** PEFT's results. */
export const golden = JSON.parse(readFileSync(path, 'utf8')) as Golden;

/** A stored tensor on the backend. */
export const tensor = ({ shape, data }: Stored): Tensor => tensorOf(Float32Array.from(data), shape);

/** A stored matrix. */
export const hostMatrix = ({ shape, data }: Stored): Matrix =>
  matrix(shape[0] as number, shape[1] as number, Float64Array.from(data));

/** b and d are Conv1D, the others Linear. */
export const spec: ModelSpec = modelOf(
  ...Object.entries(golden.weights).map(([name, { shape }]) => ({
    name,
    kind: name === 'b' || name === 'd' ? ('Conv1D' as const) : ('Linear' as const),
    params: { weight: shape },
  })),
);

/** The base weights. */
export const weights = () =>
  recordOf(Object.entries(golden.weights).map(([name, W]) => [`${name}.weight`, tensor(W)] as const));

/** The config of the golden starts. */
export const config = { r: 2, lora_alpha: 3, target_modules: Object.keys(golden.weights) };

/** Everything that a start is made from. */
export const options = () => ({ spec, key: key(11), weights: weights() });

/** A tensor of an adapter by module and factor. */
export const factor = (leaf: Leaf, module: string, name: 'A' | 'B'): Tensor =>
  leaf.params[`base_model.model.${module}.lora_${name}.weight`] as Tensor;

/** s B A of each module, [out, in]. */
export const products = async (leaf: Leaf): Promise<Readonly<Record<string, Float32Array>>> => {
  const found = mapRecord(
    Object.fromEntries(leaf.sites.map(({ module, detail }) => [module, detail as LinearDetail])),
    ({ s }, module) => scope(() => tf.mul(matMul(factor(leaf, module, 'B'), factor(leaf, module, 'A')), s)),
  );
  const entries: (readonly [string, Float32Array])[] = [];
  for (const [module, product] of Object.entries(found)) entries.push([module, await read(product)]);
  return Object.fromEntries(entries);
};

/** s B A of a golden start. */
export const product = ({ A, B, s }: Start): ReadonlyArray<number> => {
  const [m, r] = B.shape as [number, number];
  const n = A.shape[1] as number;
  return Array.from({ length: m * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    let sum = 0;
    for (let k = 0; k < r; k++) sum += (B.data[i * r + k] as number) * (A.data[k * n + j] as number);
    return s * sum;
  });
};

/** The residual base of one module. */
export const residualOf = (started: Started, module: string): Promise<Float32Array> =>
  read(started.residual[`${module}.weight`] as Tensor);

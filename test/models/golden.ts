/**
 * Base models and expected tensors of the golden cases.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { E } from '../../src/fp.js';
import { headerOf } from '../../src/io/index.js';
import type { Config } from '../../src/models/config.js';
import type { ModelSpec } from '../../src/models/spec.js';
import { tensorOf } from '../../src/ops/backend.js';
import { decodeFloats, isFloat } from '../../src/ops/dtype.js';
import { mapRecord, recordOf, type Shape, type Tensor, type Weights } from '../../src/ops/tensor.js';
import { renderProblems } from '../../src/problem.js';

const cases = fileURLToPath(new URL('../golden/cases/', import.meta.url));

/** Values of a tensor at rest. */
export interface Values {
  readonly shape: Shape;
  readonly values: Float32Array | Int32Array;
}

/** Tensors of a safetensors file in the cases, integers as int32. */
export const readTensors = (path: string): Readonly<Record<string, Values>> => {
  const file = readFileSync(cases + path);
  const header = headerOf(file, path);
  if (E.isLeft(header)) throw new Error(renderProblems(header.left));
  const { tensors, dataStart } = header.right;
  return recordOf(
    [...tensors].map(([name, { dtype, shape, begin, end }]) => {
      const values = decodeFloats(dtype, file.subarray(dataStart + begin, dataStart + end));
      return [name, { shape, values: isFloat(dtype) ? values : Int32Array.from(values) }] as const;
    }),
  );
};

/** A tensor on the current backend. */
export const upload = ({ values, shape }: Values): Tensor => tensorOf(values, shape);

/** Weights of a base model on the current backend. */
export const baseWeights = (base: string): Weights => mapRecord(readTensors(`bases/${base}/model.safetensors`), upload);

/** config.json of a base model. */
export const baseConfig = (base: string): Config =>
  JSON.parse(readFileSync(`${cases}bases/${base}/config.json`, 'utf8')) as Config;

/** As much of a spec as a forward pass reads. */
export const specOf = (config: Config): ModelSpec => ({
  modelType: config['model_type'] as string,
  className: (config['architectures'] as ReadonlyArray<string> | undefined)?.[0],
  modules: [],
  ties: [],
  inputEmbedding: undefined,
  outputEmbedding: undefined,
  fileKeys: {},
  config,
});

/** Expected tensors of a case. */
export const expected = (id: string): Readonly<Record<string, Values>> => readTensors(`${id}/expected.safetensors`);

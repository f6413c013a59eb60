/**
 * Model folders: a checkpoint with its module tree.
 */
import { E } from '../fp.js';
import { fileKeyOf, parameters, type ModelSpec } from '../models/spec.js';
import { specOf } from '../models/spec-of.js';
import { tensorOf } from '../ops/backend.js';
import { decodeFloats, isComputable } from '../ops/dtype.js';
import { recordOf, sameShape, showShape, type Tensor, type Weights } from '../ops/tensor.js';
import { fail, orProblems, problem, type Result } from '../problem.js';
import { openCheckpoint, type Checkpoint } from './checkpoint.js';
import { readConfig } from './config.js';

/** A model folder that was opened: its checkpoint stays on disk. */
export interface OpenModel {
  readonly checkpoint: Checkpoint;
  readonly spec: ModelSpec;
}

/** The module tree of a checkpoint. */
export const specOfCheckpoint = (
  config: Readonly<Record<string, unknown>>,
  checkpoint: Checkpoint,
): Result<ModelSpec> => specOf(config, checkpoint.tensors);

/** Opens a model folder: config.json and its safetensors. Only headers are read; the caller closes the checkpoint. */
export const openModel = async (folder: string): Promise<Result<OpenModel>> => {
  const config = await readConfig(folder);
  if (E.isLeft(config)) return config;
  const checkpoint = await openCheckpoint(folder);
  if (E.isLeft(checkpoint)) return checkpoint;
  const spec = specOfCheckpoint(config.right, checkpoint.right);
  if (E.isRight(spec)) return E.right({ checkpoint: checkpoint.right, spec: spec.right });
  await checkpoint.right.close();
  return spec;
};

/**
 * Reads a model's weights into memory as float32 tensors, keyed by parameter.
 *
 * Errors: parameters of the module tree that the checkpoint lacks, or whose shape differs; dtypes without a float32 reading.
 *
 * @param only the parameters that are wanted; all unless told
 */
export const readWeights = async (
  { checkpoint, spec }: OpenModel,
  only?: ReadonlySet<string>,
): Promise<Result<Weights>> => {
  const wanted = parameters(spec)
    .filter(([key]) => only?.has(key) ?? true)
    .map(([key, shape]) => [key, shape, fileKeyOf(spec, key)] as const);
  const problems = wanted.flatMap(([, shape, name]) => {
    const stored = checkpoint.tensors.get(name);
    if (stored === undefined) return [problem(`${checkpoint.name}: ${name}`, showShape(shape), 'no such tensor')];
    if (!isComputable(stored.dtype))
      return [problem(`${checkpoint.name}: ${name}`, 'a type that Weft computes with', stored.dtype)];
    return sameShape(stored.shape, shape)
      ? []
      : [problem(`${checkpoint.name}: ${name}`, showShape(shape), showShape(stored.shape))];
  });
  const checked = orProblems(problems, () => wanted);
  if (E.isLeft(checked)) return checked;
  const weights: (readonly [string, Tensor])[] = [];
  for (const [key, shape, name] of wanted) {
    const bytes = await checkpoint.read(name);
    if (E.isLeft(bytes)) {
      weights.forEach(([, t]) => t.dispose());
      return bytes;
    }
    const { dtype } = checkpoint.tensors.get(name) ?? { dtype: 'F32' };
    weights.push([key, tensorOf(decodeFloats(dtype, bytes.right), shape)]);
  }
  return weights.length === 0
    ? fail(checkpoint.name, 'the tensors of a model', 'none that config.json asks for')
    : E.right(recordOf(weights));
};

/**
 * Encoders, encoder-decoders and image models of the golden cases, under any class and configuration.
 */
import { E } from '../../src/fp.js';
import type { AnyModel, ModelInputs } from '../../src/models/any-model.js';
import { anyModelOf } from '../../src/models/registry.js';
import { specOf } from '../../src/models/spec-of.js';
import { fileKeyOf, parameters } from '../../src/models/spec.js';
import { tf } from '../../src/ops/tf.js';
import { mapRecord, recordOf, type Shape, type Weights } from '../../src/ops/tensor.js';
import { renderProblems } from '../../src/problem.js';
import { baseConfig, readTensors, specOf as specOfConfig, upload } from './golden.js';
import { integers, wave } from './language-models.js';

/** A base of the cases as another class, as kinds.py makes it. */
export interface Kind {
  readonly base: string;
  readonly className?: string;
  readonly config?: Readonly<Record<string, unknown>>;
  /** Tensors that the base lacks, by the order of their waves. */
  readonly waves?: Readonly<Record<string, Shape>>;
  /** Tensors of the base that the class lacks. */
  readonly without?: ReadonlyArray<string>;
}

/** The model of a kind; problems are a programmer's mistake here. */
export const kindOf = ({ base, className, config = {} }: Kind): AnyModel => {
  const classes = className === undefined ? {} : { architectures: [className] };
  // what config.json says twice follows feed_forward_proj
  const { dense_act_fn: _act, is_gated_act: _gated, ...stored } = baseConfig(base);
  const any = anyModelOf(specOfConfig({ ...stored, ...config, ...classes }));
  if (E.isLeft(any)) throw new TypeError(renderProblems(any.left));
  return any.right;
};

/** The weights of a kind by parameter. */
export const kindWeights = ({ base, waves = {}, without = [] }: Kind): Weights => {
  const stored = readTensors(`bases/${base}/model.safetensors`);
  const spec = specOf(
    baseConfig(base),
    mapRecord(stored, ({ shape }) => shape),
  );
  if (E.isLeft(spec)) throw new TypeError(renderProblems(spec.left));
  const kept = parameters(spec.right).filter(([key]) => !without.includes(key));
  return recordOf([
    ...kept.map(([key]) => [key, upload(stored[fileKeyOf(spec.right, key)]!)] as const),
    ...Object.entries(waves).map(([key, shape], i) => [key, tf.mul(wave(shape, i), 0.3)] as const),
  ]);
};

type Rows = ReadonlyArray<ReadonlyArray<number>>;

/** Inputs as JSON has them; images are waves. */
export type JsonInputs = Readonly<Record<string, Rows | ReadonlyArray<number>>>;

/** The same as tensors. */
export const kindInputs = (json: JsonInputs, channels = 3): ModelInputs => {
  const image = json['image'] as ReadonlyArray<number> | undefined;
  if (image !== undefined) return { pixelValues: wave([2, channels, ...image], 5) };
  return mapRecord(json, (rows, name) =>
    name === 'positionIds' ? rows : integers(rows as Rows),
  ) as unknown as ModelInputs;
};

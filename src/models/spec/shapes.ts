/**
 * Names and shapes of parameters as config.json gives them.
 *
 * Names are those of the base model (`layers.0.mlp.up_proj.weight`), without the prefix that classes with a head have.
 */
import * as t from 'io-ts';
import type { Shape } from '../../ops/tensor.js';
import type { Result } from '../../problem.js';
import { orDefault, type Config } from '../config.js';

/** A parameter's name and shape. */
export type NamedShape = readonly [name: string, shape: Shape];

/** A decoder's parameters as a function of config.json, with transformers' defaults. */
export type Shapes = (config: Config) => Result<ReadonlyArray<NamedShape>>;

/** A field that says yes or no. */
export const flag = (fallback: boolean): t.Type<boolean> => orDefault(t.boolean, fallback);

/** A linear layer [out, in], with a bias or without. */
export const affine = (name: string, out: number, inputs: number, bias: boolean): ReadonlyArray<NamedShape> => [
  [`${name}.weight`, [out, inputs]],
  ...(bias ? [[`${name}.bias`, [out]] as const] : []),
];

/** The parameters of a list of equal layers. */
export const inLayers = (layers: number, list: string, layer: ReadonlyArray<NamedShape>): ReadonlyArray<NamedShape> =>
  Array.from({ length: layers }, (_, i) =>
    layer.map(([name, shape]): NamedShape => [`${list}.${i}.${name}`, shape]),
  ).flat();

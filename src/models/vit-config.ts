/**
 * config.json of ViT, with transformers' defaults.
 */
import * as t from 'io-ts';
import { E, F } from '../fp.js';
import { decodeWith } from '../io/decode.js';
import type { Activation } from '../ops/activation.js';
import { fail, type Result } from '../problem.js';
import { groupedHeads } from './attention-config.js';
import { activationOf, configField, orDefault, positive, size, struct, type Config } from './config.js';

/** Rows and columns. */
type Area = readonly [height: number, width: number];

/** What the forward pass needs. Biases are not listed: a layer adds the one that its weights have. */
export interface VitConfig {
  readonly layers: number;
  readonly heads: number;
  readonly headDim: number;
  readonly epsilon: number;
  readonly activation: Activation;
  readonly channels: number;
  /** Pixels of an image. */
  readonly image: Area;
  /** Pixels of a patch. */
  readonly patch: Area;
}

/** One size for both axes, or one each. */
const area = t.union([size, t.tuple([size, size])], 'a size, or two for height and width');

const fields = t.type({
  hidden_size: orDefault(size, 768),
  num_hidden_layers: orDefault(size, 12),
  num_attention_heads: orDefault(size, 12),
  hidden_act: orDefault(t.string, 'gelu'),
  layer_norm_eps: orDefault(positive, 1e-12),
  image_size: orDefault(area, 224),
  patch_size: orDefault(area, 16),
  num_channels: orDefault(size, 3),
});

type Fields = t.TypeOf<typeof fields>;

const areaOf = (given: t.TypeOf<typeof area>): Area => (typeof given === 'number' ? [given, given] : given);

const patches = ({ image_size, patch_size }: Fields): Result<Pick<VitConfig, 'image' | 'patch'>> => {
  const [image, patch] = [areaOf(image_size), areaOf(patch_size)];
  return image.every((n, axis) => n >= (patch[axis] as number))
    ? E.right({ image, patch })
    : fail(configField('patch_size'), `at most the image, ${image.join(' x ')}`, patch.join(' x '));
};

const check = (f: Fields): Result<VitConfig> =>
  F.pipe(
    struct({ shape: groupedHeads(f), activation: activationOf('hidden_act', f.hidden_act), area: patches(f) }),
    E.map(({ shape, activation, area: { image, patch } }) => ({
      layers: f.num_hidden_layers,
      heads: f.num_attention_heads,
      headDim: shape.headDim,
      epsilon: f.layer_norm_eps,
      activation,
      channels: f.num_channels,
      image,
      patch,
    })),
  );

/** Reads config.json of a ViT model; problems for every field of a wrong type, or for every value that does not fit. */
export const decodeVitConfig = (config: Config): Result<VitConfig> =>
  E.chain(check)(decodeWith(fields, config, 'config.json'));

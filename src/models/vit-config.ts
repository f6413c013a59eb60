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

const isArea = (u: unknown): u is Area => Array.isArray(u) && u.length === 2 && u.every(size.is);

/** One size for both axes, or one each. */
const area = new t.Type<Area>(
  'a size, or two for height and width',
  isArea,
  (u, c) => (size.is(u) ? t.success([u, u]) : isArea(u) ? t.success(u) : t.failure(u, c)),
  t.identity,
);

const fields = t.type({
  hidden_size: orDefault(size, 768),
  num_hidden_layers: orDefault(size, 12),
  num_attention_heads: orDefault(size, 12),
  hidden_act: orDefault(t.string, 'gelu'),
  layer_norm_eps: orDefault(positive, 1e-12),
  image_size: orDefault<Area, Area>(area, [224, 224]),
  patch_size: orDefault<Area, Area>(area, [16, 16]),
  num_channels: orDefault(size, 3),
});

type Fields = t.TypeOf<typeof fields>;

/** Patches that fit into the image. */
const patches = ({ image_size: image, patch_size: patch }: Fields): Result<Pick<VitConfig, 'image' | 'patch'>> =>
  image.every((n, axis) => n >= (patch[axis] as number))
    ? E.right({ image, patch })
    : fail(configField('patch_size'), `at most the image, ${image.join(' x ')}`, patch.join(' x '));

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

/**
 * Where new tokens stand: their positions after the past, and what each of them sees.
 */
import { showShape, type Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import { cacheLength, type Cache } from './cache.js';
import { causalMask } from './layers/mask.js';
import type { Positions } from './layers/rotate.js';
import type { Geometry, Inputs } from './model.js';

/** The place of T new tokens after P past ones. */
export interface Frame {
  /** Sizes of the new tokens, [B, T]. */
  readonly shape: readonly [batch: number, tokens: number];
  readonly positions: Positions;
  /** 1 for tokens and 0 for padding over past and new tokens, [B, P + T]; `undefined` where all are tokens. */
  readonly tokens: Tensor | undefined;
  /** The additive mask of a layer, [B or 1, 1, T, P + T]; `undefined` where every token sees everything. */
  readonly mask: (window?: number) => Tensor | undefined;
}

const shapeOf = ({ inputIds, inputsEmbeds }: Inputs): Frame['shape'] => {
  const given = inputIds ?? inputsEmbeds;
  const expected = inputIds === undefined ? ['inputsEmbeds', 3] : ['inputIds', 2];
  if (given.rank !== expected[1])
    throw new RangeError(
      `${expected[0]}: expected ${inputIds === undefined ? '[B, T, D]' : '[B, T]'}, found ${given.rank} axes`,
    );
  return given.shape.slice(0, 2) as [number, number];
};

const checkPast = (past: Cache, g: Geometry, B: number): void => {
  if (past.length !== g.layers) throw new RangeError(`past: expected ${g.layers} layers, found ${past.length}`);
  const P = cacheLength(past);
  past.forEach((layer, i) =>
    (['k', 'v'] as const).forEach((name) => {
      const { shape } = layer[name];
      const [batch, ...rest] = [shape[0] === 1 ? B : shape[0], ...shape.slice(1)];
      const wanted = [B, g.keyValueHeads, P, g.headDim];
      if (showShape([batch as number, ...rest]) !== showShape(wanted))
        throw new RangeError(`past.${i}.${name}: expected ${showShape(wanted)}, found ${showShape(shape)}`);
    }),
  );
};

const positionsOf = ({ positionIds }: Inputs, [B, T]: Frame['shape'], P: number): Positions => {
  if (positionIds === undefined) return [Array.from({ length: T }, (_, i) => P + i)];
  if ((positionIds.length !== 1 && positionIds.length !== B) || positionIds.some((row) => row.length !== T))
    throw new RangeError(`positionIds: expected 1 or ${B} rows of ${T} positions`);
  return positionIds;
};

/** 1 for tokens and 0 for padding over past and new tokens, [B, P + T]. */
const tokensOf = ({ attentionMask }: Inputs, [B, T]: Frame['shape'], P: number): Tensor | undefined => {
  if (attentionMask === undefined) return undefined;
  const [rows, width] = attentionMask.shape as [number, number];
  if (attentionMask.rank !== 2 || rows !== B || (width !== T && width !== P + T)) {
    const expected = P === 0 ? `[${B}, ${T}]` : `[${B}, ${T}] or [${B}, ${P + T}]`;
    throw new RangeError(`attentionMask: expected ${expected}, found ${showShape(attentionMask.shape)}`);
  }
  const tokens = tf.cast(attentionMask, 'float32');
  return width === P + T ? tokens : tf.concat([tf.ones([B, P]), tokens], 1);
};

/** Checks inputs against each other and against the model's sizes, and finds the place of the new tokens. */
export const frameOf = (g: Geometry, inputs: Inputs): Frame => {
  const shape = shapeOf(inputs);
  const [B, T] = shape;
  if (inputs.past !== undefined) checkPast(inputs.past, g, B);
  const P = cacheLength(inputs.past);
  const positions = positionsOf(inputs, shape, P);
  if (g.positions !== undefined && positions.flat().some((i) => i >= (g.positions as number)))
    throw new RangeError(`positionIds: expected positions below ${g.positions}`);
  const tokens = tokensOf(inputs, shape, P);
  const keys = P + T;
  return {
    shape,
    positions,
    tokens,
    mask: (window = Infinity) =>
      T === 1 && tokens === undefined && keys <= window
        ? undefined
        : causalMask({ queries: T, keys, window, padding: tokens }),
  };
};

/** The last n of T positions of x [B, T, D]; all without n. */
export const lastTokens = (x: Tensor, n: number | undefined): Tensor => {
  const [B, T, D] = x.shape as [number, number, number];
  if (n === undefined || n === T) return x;
  if (!Number.isInteger(n) || n < 1 || n > T)
    throw new RangeError(`logitsToKeep: expected an integer from 1 to ${T}, found ${n}`);
  return tf.slice(x, [0, T - n, 0], [B, n, D]);
};

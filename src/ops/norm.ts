/**
 * Normalisations over the last axis.
 */
import * as tf from '@tensorflow/tfjs-core';
import { compute, rulesOf, type Fused } from './fused.js';
import type { Rule } from './gradients/rule.js';
import type { Tensor } from './tensor.js';

interface Epsilon {
  readonly eps: number;
}

const scaled = (x: Tensor, eps: number, weight: Tensor | undefined): Tensor => {
  const unit = tf.mul(x, tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), eps)));
  return weight === undefined ? unit : tf.mul(unit, weight);
};

const centred = (x: Tensor, eps: number, weight: Tensor | undefined, bias: Tensor | undefined): Tensor => {
  const y = scaled(tf.sub(x, tf.mean(x, -1, true)), eps, weight);
  return bias === undefined ? y : tf.add(y, bias);
};

/** The sum of all rows. */
const sumOfRows = (x: Tensor): Tensor => tf.sum(tf.reshape(x, [-1, x.shape.at(-1) as number]), 0);

const ones = (x: Tensor): Tensor => tf.ones([x.shape.at(-1) as number]);

const zeros = (x: Tensor): Tensor => tf.zeros([x.shape.at(-1) as number]);

const layer: Fused<Epsilon> = {
  kernelName: 'LayerNorm',
  inputs: ['x', 'weight', 'bias'],
  gradients: ['x'],
  others: {
    weight: (dy, [x], attrs) => sumOfRows(tf.mul(dy, compute(layer, [x as Tensor, ones(dy), zeros(dy)], attrs))),
    bias: sumOfRows,
  },
  composed: ([x, weight, bias], { eps }) => centred(x as Tensor, eps, weight, bias),
};

const rms: Fused<Epsilon> = {
  kernelName: 'RmsNorm',
  inputs: ['x', 'weight'],
  gradients: ['x'],
  others: { weight: (dy, [x], attrs) => sumOfRows(tf.mul(dy, compute(rms, [x as Tensor, ones(dy)], attrs))) },
  composed: ([x, weight], { eps }) => scaled(x as Tensor, eps, weight),
};

/** Whether there is something to normalise and every parameter, where there is one, has its axis and no other. */
const isPlain = (x: Tensor, ...parameters: ReadonlyArray<Tensor | undefined>): boolean =>
  x.size > 0 &&
  x.dtype === 'float32' &&
  parameters.every((p) => p === undefined || (p.rank === 1 && p.size === x.shape.at(-1)));

/**
 * `y = (x - mean) / sqrt(var + eps) * weight + bias`, with the biased variance, as torch's LayerNorm.
 *
 * @param x [..., d]
 * @param weight [d], or undefined for ones
 * @param bias [d], or undefined for zeros
 */
export const layerNorm = (x: Tensor, weight: Tensor | undefined, bias: Tensor | undefined, eps: number): Tensor =>
  isPlain(x, weight, bias) && (weight !== undefined || bias !== undefined)
    ? compute(layer, [x, weight ?? ones(x), bias ?? zeros(x)], { eps })
    : centred(x, eps, weight, bias);

/**
 * `y = x / sqrt(mean(x^2) + eps) * weight` (Zhang and Sennrich, 2019).
 *
 * @param x [..., d]
 * @param weight [d], or undefined for ones; models that store weight - 1 (Gemma) add it first
 */
export const rmsNorm = (x: Tensor, weight: Tensor | undefined, eps: number): Tensor =>
  isPlain(x, weight) && weight !== undefined ? compute(rms, [x, weight], { eps }) : scaled(x, eps, weight);

/** Rules of the kernels LayerNorm, RmsNorm and those of their gradients. */
export const normRules: ReadonlyArray<Rule> = [...rulesOf(layer), ...rulesOf(rms)];

/**
 * The sigmoid linear unit, alone and as a gate.
 */
import * as tf from '@tensorflow/tfjs-core';
import { compute, rulesOf, type Fused } from './fused.js';
import type { Rule } from './gradients/rule.js';
import type { Tensor } from './tensor.js';

const composed = (x: Tensor): Tensor => tf.mul(x, tf.sigmoid(x));

const unit: Fused<object> = {
  kernelName: 'Silu',
  inputs: ['x'],
  gradients: ['x'],
  composed: ([x]) => composed(x as Tensor),
};

const gate: Fused<object> = {
  kernelName: 'SiluGate',
  inputs: ['gate', 'up'],
  gradients: ['gate', 'up'],
  composed: ([x, up]) => tf.mul(composed(x as Tensor), up as Tensor),
};

/** silu(x) = x sigmoid(x) (Elfwing et al., arXiv 1702.03118). */
export const silu = (x: Tensor): Tensor => compute(unit, [x], {});

/**
 * silu(gate) * up, what SwiGLU multiplies next (Shazeer, arXiv 2002.05202).
 *
 * @param x the gate, of any shape
 * @param up of the same shape
 */
export const siluGate = (x: Tensor, up: Tensor): Tensor => compute(gate, [x, up], {});

/** Rules of the kernels Silu, SiluGate and those of their gradients. */
export const siluRules: ReadonlyArray<Rule> = [...rulesOf(unit), ...rulesOf(gate)];

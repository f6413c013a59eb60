/**
 * What low-precision storage keeps of numbers: values that are quantised and turned back.
 */
import type { Matrix } from './linalg/index.js';

/**
 * The 16 values of the type nf4: quantiles of a normal distribution, scaled to [-1, 1], with an exact 0.
 *
 * Dettmers et al., "QLoRA: Efficient Finetuning of Quantized LLMs", appendix E, https://arxiv.org/abs/2305.14314
 */
const NF4 = [
  -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
  -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
  0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
] as const;

/** Numbers that share a scale. */
const BLOCK = 64;

const nearest = (x: number): number => NF4.reduce((best, v) => (Math.abs(v - x) < Math.abs(best - x) ? v : best));

const largestOf = (values: Float32Array): number => values.reduce((m, x) => Math.max(m, Math.abs(x)), 0);

/** Numbers as nf4 keeps them, in float32: blocks of 64 in order, each scaled by its largest magnitude. */
export const throughNf4 = (values: Float32Array): Float32Array => {
  const out = new Float32Array(values.length);
  for (let start = 0; start < values.length; start += BLOCK) {
    const block = values.subarray(start, start + BLOCK);
    const scale = largestOf(block);
    if (scale > 0) block.forEach((x, i) => (out[start + i] = nearest(x / scale) * scale));
  }
  return out;
};

/** A matrix as int8 keeps it: each row in 255 steps of its largest magnitude over 127, halves to even. */
export const throughInt8 = ({ rows, cols, data }: Matrix): Float32Array => {
  const out = new Float32Array(rows * cols);
  for (let i = 0; i < rows; i++) {
    const row = Float32Array.from(data.slice(i * cols, (i + 1) * cols));
    const step = largestOf(row) / 127;
    if (step > 0) row.forEach((x, j) => (out[i * cols + j] = evenRound(x / step) * step));
  }
  return out;
};

const evenRound = (x: number): number => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));

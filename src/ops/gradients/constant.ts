/**
 * Kernels that are constant almost everywhere: comparisons, truth values, rounding and positions. Their gradient is zero,
 * so that masks computed from parameters do not stop a backward pass.
 */
import { flat, type Rule } from './rule.js';

const comparisons = [
  'Greater',
  'GreaterEqual',
  'Less',
  'LessEqual',
  'Equal',
  'NotEqual',
  'LogicalAnd',
  'LogicalOr',
  'FloorDiv',
];
const pointwise = [
  'LogicalNot',
  'IsNan',
  'IsInf',
  'IsFinite',
  'Sign',
  'Step',
  'Floor',
  'Ceil',
  'Round',
  'ZerosLike',
  'OnesLike',
];
const reductions = ['Any', 'All', 'ArgMax', 'ArgMin'];

/** Rules with zero gradients. */
export const constant: ReadonlyArray<Rule> = [
  ...comparisons.map((name) => flat(name, 'a', 'b')),
  ...[...pointwise, ...reductions].map((name) => flat(name, 'x')),
  flat('OneHot', 'indices'),
];

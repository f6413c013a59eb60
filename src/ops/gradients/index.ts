/**
 * All gradient rules, one a kernel.
 */
import { arithmetic } from './arithmetic.js';
import { constant } from './constant.js';
import { convolution } from './convolution.js';
import { einsum } from './einsum.js';
import { elementary } from './elementary.js';
import { indexing } from './indexing.js';
import { layout } from './layout.js';
import { linear } from './linear.js';
import { batchNorm } from './normalization.js';
import { reduction } from './reduction.js';
import { addMatMulRules } from '../add-mat-mul.js';
import { attentionRules } from '../attention.js';
import { convRules } from '../conv-kernel.js';
import { crossEntropyRules } from '../cross-entropy.js';
import { geluTanhRules } from '../gelu-tanh.js';
import { normRules } from '../norm.js';
import { rotateHeadsRules } from '../rotate-heads.js';
import { scatterAddRule } from '../scatter-add.js';
import { siluRules } from '../silu.js';
import type { Rule } from './rule.js';
import { spectral } from './spectral.js';

/** Every rule, in no particular order. */
export const gradients: ReadonlyArray<Rule> = [
  ...arithmetic,
  ...elementary,
  ...reduction,
  ...linear,
  ...convolution,
  ...layout,
  ...indexing,
  ...constant,
  ...addMatMulRules,
  ...convRules,
  ...crossEntropyRules,
  ...siluRules,
  ...geluTanhRules,
  ...normRules,
  ...attentionRules,
  ...rotateHeadsRules,
  scatterAddRule,
  ...spectral,
  einsum,
  batchNorm,
];

/**
 * The sites of LoRA on one targeted module.
 */
import { E } from '../../../fp.js';
import type { ModuleSpec } from '../../../models/spec.js';
import type { Result } from '../../../problem.js';
import type { LayoutContext } from '../../method.js';
import { unfit } from '../../module-layout.js';
import type { Part } from '../../site.js';
import { activatedReason } from './activated.js';
import type { LoraConfig } from './config.js';
import { linearParts } from './linear-parts.js';
import { attentionParts, convParts, embeddingParts, type Strength } from './parts.js';
import { takesOut } from './starts.js';
import type { LoraDetail } from './update.js';
import { kindsOf, variantOf } from './variants.js';

const kindParts = (
  c: LoraConfig,
  context: LayoutContext,
  m: ModuleSpec,
  strength: Strength,
): Result<ReadonlyArray<Part<LoraDetail>>> => {
  const { spec } = context;
  switch (m.kind) {
    case 'Linear':
    case 'Conv1D':
      return linearParts(c, context, m, strength);
    case 'Embedding':
      return E.right(embeddingParts(c, spec, m, strength));
    case 'Conv1d':
    case 'Conv2d':
    case 'Conv3d':
      return convParts(c, spec, m, strength);
    case 'MultiheadAttention':
      return attentionParts(c, spec, m, strength);
    default:
      return unfit(m, 'a Linear, Conv1D, Conv1d, Conv2d, Conv3d, Embedding or MultiheadAttention');
  }
};

/** Starts that take a part out of the base do so on linear layers; embeddings start without. */
const startFits = (c: LoraConfig, m: ModuleSpec): boolean =>
  !takesOut(c.init_lora_weights) || m.kind === 'Linear' || m.kind === 'Conv1D' || m.kind === 'Embedding';

/** The sites of one targeted module; with activated LoRA every one is of the forward pass only. */
export const moduleParts = (
  c: LoraConfig,
  context: LayoutContext,
  m: ModuleSpec,
  strength: Strength,
): Result<ReadonlyArray<Part<LoraDetail>>> => {
  const variant = variantOf(c);
  const kinds = variant === undefined ? [m.kind] : kindsOf(variant);
  // nn.MultiheadAttention has its own words for what it does not take
  if (!kinds.includes(m.kind) && m.kind !== 'MultiheadAttention')
    return unfit(m, `a ${kinds.join(' or ')} for ${variant}`);
  if (!startFits(c, m)) return unfit(m, `a Linear, Conv1D or Embedding for "${String(c.init_lora_weights)}"`);
  const parts = kindParts(c, context, m, strength);
  return variant === 'activated LoRA'
    ? E.map((own: ReadonlyArray<Part<LoraDetail>>) =>
        own.map((part) => ({ ...part, algebra: 'routed' as const, reason: activatedReason })),
      )(parts)
    : parts;
};

/**
 * Merging exactly as PEFT does where PEFT departs from its own forward pass (see docs/differences.md).
 */
import type { Adapter, Leaf } from './adapter.js';
import { mapLeaves } from './leaf.js';
import type { Site } from './site.js';
import { sourceIn } from './tree.js';
import type { Algebra } from './updates/traits.js';

/** Replicated layers share one tensor in PEFT, so what is merged into one copy shows in all of them. */
const sharedSites = ({ change, sites }: Leaf): ReadonlyArray<Site> => {
  if (change === undefined) return sites;
  const stored = [...new Set(sites.flatMap((s) => s.stored))];
  const copies = (key: string): ReadonlyArray<string> =>
    stored.filter((k) => sourceIn(change, k) === sourceIn(change, key));
  return sites.map((site) => ({ ...site, stored: site.stored.flatMap(copies) }));
};

/**
 * The adapter with PEFT's results where PEFT breaks a law.
 *
 * Four places differ today. `layer_replication`: PEFT's merge adds the changes of all copies of a layer to each copy, so
 * merged and attached outputs disagree. LoRA on nn.MultiheadAttention: the out-projection's change counts twice in the
 * output and once in the gradient. LoHa with `use_effective_conv2d`: PEFT's gradients of hada_w1_a and hada_w2_a are wrong.
 * WaveFT with "coif4": PEFT's table of that wavelet has slips.
 */
export const likePeft = <K extends Algebra>(adapter: Adapter<K>): Adapter<K> =>
  mapLeaves(adapter, (leaf) => ({ ...leaf, likePeft: true, sites: sharedSites(leaf) }));

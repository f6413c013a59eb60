/**
 * Adapters as expressions that people read.
 */
import { leavesOf, type Adapter, type Leaf } from './adapter.js';

const leafModules = (leaf: Leaf): string => {
  const names = [...new Set(leaf.sites.map((s) => s.module.split('.').pop() as string))];
  const shown = names.length > 6 ? [...names.slice(0, 5), `${names.length - 5} more`] : names;
  return shown.join(' ');
};

const leafText = (leaf: Leaf): string => {
  const sites = new Set(leaf.sites.map((s) => s.key)).size;
  const rank = (leaf.config as { readonly r?: unknown }).r;
  const parts = [typeof rank === 'number' ? `r=${rank}` : '', `${leafModules(leaf)}`, `${sites} tensors`];
  return `${leaf.method.peftType.toLowerCase()}(${parts.filter((p) => p !== '').join(', ')})`;
};

/** An adapter as an expression: `compose(lora(r=8, q_proj v_proj, 4 tensors), scale(0.5, lora(...)))`. */
export const print = (adapter: Adapter): string => {
  switch (adapter._tag) {
    case 'Identity':
      return 'identity';
    case 'Leaf':
      return leafText(adapter);
    case 'Compose':
      return `compose(${adapter.adapters.map(print).join(', ')})`;
    case 'Sum':
      return `sum(${adapter.adapters.map(print).join(', ')})`;
    case 'Scale':
      return `scale(${adapter.c}, ${print(adapter.adapter)})`;
    case 'Inverse':
      return `inverse(${print(adapter.adapter)})`;
    case 'Restrict':
      return `restrict([${adapter.modules.join(', ')}], ${print(adapter.adapter)})`;
  }
};

/** Number of trainable parameters (elements) in an adapter's leaves. */
export const countTrainable = (adapter: Adapter): number =>
  leavesOf(adapter)
    .flatMap((leaf) => leaf.trainable.map((name) => leaf.params[name]?.size ?? 0))
    .reduce((n, size) => n + size, 0);

/**
 * The files of an adapter, before they are checked.
 */
import type { RawTensor } from '../io/safetensors/write.js';

/** An adapter folder in memory; untrusted. */
export interface AdapterFiles {
  /** adapter_config.json as parsed. */
  readonly config: unknown;
  /** Paths of the numbers that adapter_config.json spells as floats, where they are known. */
  readonly floats?: ReadonlySet<string>;
  /** The tensors of adapter_model.safetensors. */
  readonly tensors: ReadonlyMap<string, RawTensor>;
  /** The files of adapters inside it, by the names that its config gives them. */
  readonly nested?: ReadonlyMap<string, AdapterFiles>;
  /** config.json as parsed of a model whose tensors it holds (`Method.model`). */
  readonly model?: unknown;
}

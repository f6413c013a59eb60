/**
 * Saved files.
 */
import type { Leaf } from '../src/adapters/adapter.js';
import { encodeAdapter } from '../src/io/peft.js';
import type { GoldenCase } from './case.js';
import { sameBytes } from './compare.js';
import { orThrow } from './or-throw.js';
import { failed, pass, worstOf, type Check } from './outcome.js';

/** The saved files are PEFT's, byte for byte. */
export const checkFile = async (c: GoldenCase, leaf: Leaf): Promise<Check> => {
  const files = orThrow(await encodeAdapter(leaf));
  return worstOf([
    sameBytes(files.tensors, c.adapterBytes)
      ? pass()
      : failed('adapter_model.safetensors: other bytes than PEFT wrote'),
    files.config === c.configText ? pass() : failed('adapter_config.json: other text than PEFT wrote'),
  ]);
};

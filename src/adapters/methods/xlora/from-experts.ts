/**
 * X-LoRA over LoRA adapters that exist.
 */
import { E, F } from '../../../fp.js';
import { dispose } from '../../../ops/backend.js';
import { recordOf } from '../../../ops/tensor.js';
import type { Result } from '../../../problem.js';
import type { Leaf } from '../../adapter.js';
import { init, type InitOptions } from '../../init.js';
import { configFields } from '../../lora-leaf.js';
import { nestedName, type NestedConfig } from '../../nested.js';
import { xlora } from './xlora.js';

const nestedOf = (leaf: Leaf, i: number): NestedConfig => ({
  path: String(i),
  fields: configFields(leaf.config),
  ...(leaf.config.float_paths === undefined ? {} : { floats: leaf.config.float_paths }),
});

/**
 * A new X-LoRA adapter that mixes LoRA adapters: its network starts as nn.Linear does, the experts are as given.
 *
 * Problems: experts that are no plain LoRA on this tree, fields of the config that do not fit.
 *
 * @param experts LoRA adapters, in their order; their tensors are shared with the result
 * @param config fields of XLoraConfig in PEFT's names, without `adapters`
 * @returns an adapter; of its tensors those of the network are new
 */
export const mixtureOf = (
  experts: ReadonlyArray<Leaf>,
  config: Readonly<Record<string, unknown>>,
  options: InitOptions,
): Result<Leaf> => {
  const adapters = recordOf(experts.map((leaf, i) => [String(i), nestedOf(leaf, i)] as const));
  const own = <A>(of: (leaf: Leaf) => Readonly<Record<string, A>>): ReadonlyArray<readonly [string, A]> =>
    experts.flatMap((leaf, i) =>
      Object.entries(of(leaf)).map(([name, value]) => [nestedName(String(i), name), value] as const),
    );
  return F.pipe(
    init(xlora, { ...config, adapters }, options),
    E.map((fresh) => {
      const params = recordOf([...Object.entries(fresh.params), ...own((leaf) => leaf.params)]);
      dispose(fresh.params, { keep: params });
      return { ...fresh, params, dtypes: { ...fresh.dtypes, ...Object.fromEntries(own((leaf) => leaf.dtypes)) } };
    }),
  );
};

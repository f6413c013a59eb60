/**
 * Where X-LoRA's training starts.
 */
import { E, F } from '../../../fp.js';
import { kaimingUniform, split, uniform, type Key } from '../../../ops/random.js';
import { recordOf, type Shape, type Tensor, type Weights } from '../../../ops/tensor.js';
import { all, type Result } from '../../../problem.js';
import type { InitContext } from '../../method.js';
import { innerLayout, nestedName, type NestedConfig } from '../../nested.js';
import type { Layout } from '../../site.js';
import { initLora } from '../lora/init.js';
import { lora } from '../lora/lora.js';
import type { LoraDetail } from '../lora/update.js';
import { expertConfig, expertsOf, type XloraConfig } from './config.js';
import type { XloraDetail } from './layout.js';

/** As nn.Linear starts: W ~ U(-1 / sqrt(in), 1 / sqrt(in)), and b alike. */
const startNetwork = (layout: Layout<XloraDetail>, key: Key): Weights => {
  const shapes = new Map(layout.params.map((p): readonly [string, Shape] => [p.name, p.shape]));
  const router = layout.sites.find((site) => site.detail._tag === 'Router');
  const depth = router?.detail._tag === 'Router' ? router.detail.network : 0;
  const keys = split(key, 2 * depth);
  return recordOf(
    Array.from({ length: depth }, (_, i) => {
      const [W, b] = [router?.tensors[`W${i}`] as string, router?.tensors[`b${i}`] as string];
      const shape = shapes.get(W) as Shape;
      const bound = 1 / Math.sqrt(shape[1] as number);
      return [
        [W, kaimingUniform(keys[2 * i] as Key, shape)],
        [b, uniform(keys[2 * i + 1] as Key, shapes.get(b) as Shape, -bound, bound)],
      ] as ReadonlyArray<readonly [string, Tensor]>;
    }).flat(),
  );
};

const startExpert = (
  name: string,
  config: NestedConfig,
  { spec, key, weights }: Pick<InitContext<XloraDetail>, 'spec' | 'key' | 'weights'>,
): Result<ReadonlyArray<readonly [string, Tensor]>> =>
  F.pipe(
    E.Do,
    E.bind('own', () => expertConfig(name, config)),
    E.bind('layout', ({ own }) =>
      innerLayout(lora, name, own, { spec, targets: undefined, has: () => false, weights }),
    ),
    E.chain(({ own, layout }) => initLora(own, { layout: layout as Layout<LoraDetail>, spec, key, weights })),
    E.map((params) => Object.entries(params).map(([tensor, value]) => [nestedName(name, tensor), value] as const)),
  );

/** The network as nn.Linear starts, every expert as its own config says. */
export const initXlora = (
  c: XloraConfig,
  { layout, spec, key, weights }: InitContext<XloraDetail>,
): Result<Weights> => {
  const experts = expertsOf(c);
  const [forNetwork, ...forExperts] = split(key, experts.length + 1) as [Key, ...Key[]];
  return E.map((parts: ReadonlyArray<ReadonlyArray<readonly [string, Tensor]>>) =>
    recordOf([...Object.entries(startNetwork(layout, forNetwork)), ...parts.flat()]),
  )(all(experts.map(([name, config], i) => startExpert(name, config, { spec, key: forExperts[i] as Key, weights }))));
};

/**
 * Adapters on some modules only.
 */
import { leavesOf } from '../../adapters/adapter.js';
import { isMergeable } from '../../adapters/combine.js';
import { bits } from '../../ops/random.js';
import { lookup, recordOf, type Weights } from '../../ops/tensor.js';
import { startOf } from '../base.js';
import { sameBits, snapshot } from '../compare.js';
import { adapterAt, law, type Subject } from '../law.js';
import { expect, together } from '../verdict.js';

const modulesOf = (s: Subject): ReadonlyArray<string> => [
  ...new Set(leavesOf(adapterAt(s, 0)).flatMap((leaf) => leaf.sites.map((site) => site.module))),
];

/** Whether all of a key's changes come from the chosen modules, none, or some. */
const share = (
  s: Subject,
  reading: 'key' | 'stored',
  chosen: ReadonlyArray<string>,
  key: string,
): 'all' | 'none' | 'some' => {
  const modules = leavesOf(adapterAt(s, 0)).flatMap((leaf) =>
    leaf.sites.filter((site) => [site[reading]].flat().includes(key)).map((site) => site.module),
  );
  const inside = modules.filter((m) => chosen.includes(m)).length;
  return inside === 0 ? 'none' : inside === modules.length ? 'all' : 'some';
};

/** A restriction acts on its modules as the adapter does, and nowhere else. */
export const restrictLaw = law(
  'restriction',
  'apply(restrict(ms, a), w)[k] = apply(a, w)[k] for k in ms, and is w[k] elsewhere; on all of its modules it is a',
  { atMost: 'routed' },
  async (s) => {
    const { apply, attach, restrict } = s.operations;
    const a = adapterAt(s, 0);
    const all = modulesOf(s);
    const [draw] = bits(s.key, 1);
    const chosen = all.filter((_, i) => (((draw as number) >>> (i % 31)) & 1) === 1);
    const part = restrict(chosen, a);
    const beside = attach(part, s.weights).updates;
    const attached = Object.keys(attach(a, s.weights).updates).filter((key) => share(s, 'key', chosen, key) !== 'none');
    const updates = expect(
      Object.keys(beside).toSorted().join('\0') === attached.toSorted().join('\0'),
      `expected updates for ${attached.join(', ')}, found ${Object.keys(beside).join(', ')}`,
    );
    if (!isMergeable(a) || !isMergeable(part)) return updates;
    const start = startOf(a, s.weights);
    const [whole, some] = [apply(a, s.weights), apply(part, s.weights)];
    const everything = apply(restrict(all, a) as typeof a, s.weights);
    const of = (key: string) => share(s, 'stored', chosen, key);
    const only = (weights: Weights): Weights => recordOf(Object.entries(weights).filter(([key]) => of(key) === 'all'));
    return together([
      updates,
      ...Object.keys(start)
        .filter((key) => of(key) === 'none')
        .map((key) => expect(lookup(some, key) === start[key], 'expected the same reference', key)),
      sameBits(await snapshot(only(some)), await snapshot(only(whole))),
      sameBits(await snapshot(everything), await snapshot(whole)),
    ]);
  },
);

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

/** The owner of a key: what stands before its last dot. */
const moduleOf = (key: string): string => key.slice(0, Math.max(0, key.lastIndexOf('.')));

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
    const within = (key: string): boolean => chosen.includes(moduleOf(key));
    const part = restrict(chosen, a);
    const beside = attach(part, s.weights).updates;
    const attached = Object.keys(attach(a, s.weights).updates);
    const updates = expect(
      Object.keys(beside).sort().join('\0') === attached.filter(within).sort().join('\0'),
      `expected updates for ${attached.filter(within).join(', ')}, found ${Object.keys(beside).join(', ')}`,
    );
    if (!isMergeable(a) || !isMergeable(part)) return updates;
    const start = startOf(a, s.weights);
    const [whole, some] = [apply(a, s.weights), apply(part, s.weights)];
    const expected: Weights = recordOf(
      Object.keys(whole).map((key) => [key, (within(key) ? lookup(whole, key) : lookup(start, key)) as never]),
    );
    const everything = apply(restrict(all, a) as typeof a, s.weights);
    return together([
      updates,
      ...Object.keys(start)
        .filter((key) => !within(key))
        .map((key) => expect(lookup(some, key) === start[key], 'expected the same reference', key)),
      sameBits(await snapshot(some), await snapshot(expected)),
      sameBits(await snapshot(everything), await snapshot(whole)),
    ]);
  },
);

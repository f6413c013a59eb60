/**
 * The identity, and adapters at the start of their training.
 */
import { init } from '../../adapters/init.js';
import { E } from '../../fp.js';
import { renderProblems } from '../../problem.js';
import { isMergeable } from '../../adapters/combine.js';
import { startOf, changesAt } from '../base.js';
import { snapshot, within } from '../compare.js';
import { law } from '../law.js';
import { magnitudeOf, roundingsOf } from '../magnitude.js';
import { broken, expect, fine, together } from '../verdict.js';
import { lookup, mapRecord, recordOf } from '../../ops/tensor.js';

/** The identity changes nothing and copies nothing. */
export const identityLaw = law(
  'identity',
  'apply(identity, w)[k] is w[k]',
  { atMost: 'routed' },
  async ({ operations, weights }) => {
    const merged = operations.apply(operations.identity, weights);
    const attached = operations.attach(operations.identity, weights);
    return together([
      expect(
        Object.keys(merged).join('\0') === Object.keys(weights).join('\0'),
        'expected the same keys in the same order',
      ),
      ...Object.keys(weights).map((key) =>
        expect(lookup(merged, key) === weights[key], 'expected the same reference', key),
      ),
      expect(Object.keys(attached.updates).length === 0, 'expected no updates beside the weights'),
    ]);
  },
);

/** Configs whose adapters start as something else than the identity: PEFT's `init_..._weights` set to false. */
const startsElsewhere = (config: object): boolean =>
  Object.entries(config).some(([name, value]) => /^init_(.*_)?weights$/.test(name) && value === false);

/** A new adapter changes nothing yet: up to the sign of zeros, and up to rounding for methods that start from a norm. */
export const neutralLaw = law(
  'neutral start',
  'apply(init(config), w) = w',
  { atMost: 'dependent' },
  async ({ operations, base, leaves, weights, key }) => {
    const [{ method, config }] = leaves;
    if (startsElsewhere(config) || method.startsElsewhere?.(config) === true) return fine;
    const started = init(method, { ...config }, { spec: base, key, weights });
    if (E.isLeft(started)) return broken(renderProblems(started.left));
    const fresh = started.right;
    if (!isMergeable(fresh)) return fine;
    const changes = changesAt(fresh, weights);
    const magnitudes = await snapshot(recordOf(changes.map(({ key: k, W, update }) => [k, magnitudeOf(update, W)])));
    const roundings = Math.max(0, ...changes.map(({ W, update }) => roundingsOf(update, W.shape)));
    const start = startOf(fresh, weights);
    const merged = operations.apply(fresh, weights);
    return within(await snapshot(merged), await snapshot(mapRecord(start, (W) => W)), {
      ulps: roundings,
      of: (k, i) => lookup(magnitudes, k)?.values[i] ?? 0,
    });
  },
);

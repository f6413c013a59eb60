/**
 * What an adapter declares of itself.
 */
import { leavesOf } from '../../adapters/adapter.js';
import { touchedKeys } from '../../adapters/compile.js';
import { applyUpdate } from '../../adapters/updates/apply.js';
import { algebraOf } from '../../adapters/updates/traits.js';
import { recordOf } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { changeAt, changesAt } from '../base.js';
import { snapshot, within } from '../compare.js';
import { adapterAt, law, noLessLawful } from '../law.js';
import { magnitudeOf, roundingsOf } from '../magnitude.js';
import { broken, expect, fine, together } from '../verdict.js';

/**
 * An adapter is at least as lawful as it declares: its updates are, and an additive one keeps the module tree and has
 * changes that are free of W.
 */
export const honestyLaw = law(
  'honest algebra',
  'algebraOf(updateAt(a, k)) is no less lawful than the algebra of a; additive: apply(a, w) = w + apply(a, 0)',
  { atMost: 'routed' },
  async (s) => {
    const a = adapterAt(s, 0);
    const declared = together(
      (['stored', 'attached'] as const).flatMap((reading) =>
        [...touchedKeys(a, reading)].map((key) => {
          const update = changeAt(a, s.weights, key, reading);
          const found = update === undefined ? 'additive' : algebraOf(update);
          return expect(noLessLawful(found, a.algebra), `declared ${a.algebra}, found a ${found} update`, key);
        }),
      ),
    );
    if (a.algebra !== 'additive') return declared;
    const moved = leavesOf(a).some((leaf) => leaf.change !== undefined);
    if (moved)
      return broken('declared additive, found an adapter that changes the module tree: it cannot be subtracted');
    const changes = changesAt(a, s.weights);
    const merged = recordOf(changes.map(({ key, W, update }) => [key, applyUpdate(update, W)] as const));
    const shifted = recordOf(
      changes.map(({ key, W, update }) => [key, tf.add(W, applyUpdate(update, tf.zerosLike(W)))] as const),
    );
    const M = await snapshot(recordOf(changes.map(({ key, W, update }) => [key, magnitudeOf(update, W)] as const)));
    return together([
      declared,
      declared.holds
        ? within(await snapshot(merged), await snapshot(shifted), {
            ulps: 2 * Math.max(0, ...changes.map(({ W, update }) => roundingsOf(update, W.shape))),
            of: (key, i) => M[key]?.values[i] ?? 0,
          })
        : fine,
    ]);
  },
);

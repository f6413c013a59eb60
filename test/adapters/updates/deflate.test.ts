import { describe, expect, it } from 'vitest';
import type { Deflate } from '../../../src/adapters/update.js';
import { applyUpdate } from '../../../src/adapters/updates/apply.js';
import { forwardUpdate } from '../../../src/adapters/updates/forward.js';
import { rowGrid, updateRows } from '../../../src/adapters/updates/rows.js';
import { tensorsOf } from '../../../src/adapters/updates/tensors.js';
import { algebraOf, isRowLocal } from '../../../src/adapters/updates/traits.js';
import { columnUse, rowUse } from '../../../src/models/layers/linear.js';
import { read } from '../../../src/ops/backend.js';
import { gramSchmidt } from '../../../src/ops/linalg/index.js';
import { matMul } from '../../../src/ops/mat-mul.js';
import { key, normal } from '../../../src/ops/random.js';
import { tf } from '../../../src/ops/tf.js';

const W = normal(key(1), [4, 6]);
const deflate = (axis: 0 | 1): Deflate => {
  const n = axis === 0 ? 4 : 6;
  return { _tag: 'Deflate', U: normal(key(2), [n, 2]), V: normal(key(3), [n, 2]), axis };
};
const replacing = (axis: 0 | 1): Deflate => ({ ...deflate(axis), R: normal(key(7), axis === 0 ? [2, 6] : [4, 2]) });

describe('a deflation', () => {
  it('is W - U (V^T W), or W - (W V) U^T', async () => {
    const [left, right] = [deflate(0), deflate(1)];
    const first = tf.sub(W, matMul(matMul(left.U, left.V, false, true), W));
    const second = tf.sub(W, matMul(W, matMul(right.V, right.U, false, true)));
    expect(await read(applyUpdate(left, W))).toBeAllClose(await read(first), { atol: 1e-5 });
    expect(await read(applyUpdate(right, W))).toBeAllClose(await read(second), { atol: 1e-5 });
  });

  it('puts R in the place of what it takes out', async () => {
    const [left, right] = [replacing(0), replacing(1)];
    const first = tf.add(applyUpdate(deflate(0), W), matMul(left.U, left.R!));
    const second = tf.add(applyUpdate(deflate(1), W), matMul(right.R!, right.U, false, true));
    expect(await read(applyUpdate(left, W))).toBeAllClose(await read(first), { atol: 1e-5 });
    expect(await read(applyUpdate(right, W))).toBeAllClose(await read(second), { atol: 1e-5 });
    expect([left, right].map((u) => tensorsOf(u).length)).toEqual([3, 3]);
    expect(tensorsOf(deflate(0))).toHaveLength(2);
  });

  it('takes a direction out for good', async () => {
    const Q = gramSchmidt(normal(key(4), [4, 2]));
    const projection: Deflate = { _tag: 'Deflate', U: Q, V: Q, axis: 0 };
    const once = applyUpdate(projection, W);
    expect(await read(matMul(Q, once, true))).toBeAllClose(new Float32Array(12), { atol: 1e-6 });
    expect(await read(applyUpdate(projection, once))).toBeAllClose(await read(once), { atol: 1e-6 });
  });

  it.each([
    [0, deflate(0)],
    [1, deflate(1)],
    [0, replacing(0)],
    [1, replacing(1)],
  ] as const)('beside the weight gives the output of the merged one (axis %d)', async (_axis, update) => {
    const x = normal(key(5), [3, 6]);
    const y = forwardUpdate(update, W, rowUse(x));
    expect(await read(y)).toBeAllClose(await read(matMul(x, applyUpdate(update, W), false, true)), { atol: 1e-5 });
    const z = normal(key(6), [3, 4]);
    const t = forwardUpdate(update, W, columnUse(z));
    expect(await read(t)).toBeAllClose(await read(matMul(z, applyUpdate(update, W))), { atol: 1e-5 });
  });

  it('is local to rows from the right alone, and depends on the weight', async () => {
    expect([0, 1].map((axis) => isRowLocal(deflate(axis as 0 | 1)))).toEqual([false, true]);
    expect(algebraOf(deflate(0))).toBe('dependent');
    for (const update of [deflate(1), replacing(1)]) {
      const block = { start: 1, count: 2 };
      const rows = applyUpdate(updateRows(update, rowGrid(update, W.shape), block), tf.slice(W, [1, 0], [2, 6]));
      expect(await read(rows)).toEqual(await read(tf.slice(applyUpdate(update, W), [1, 0], [2, 6])));
    }
  });
});

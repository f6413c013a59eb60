import { expect, it } from 'vitest';
import { read, scope, tensorOf } from '../../src/ops/backend.js';
import { logSoftmax, logSumExp } from '../../src/ops/softmax.js';
import type { Tensor } from '../../src/ops/tensor.js';
import { tf } from '../../src/ops/tf.js';
import { valueAndGrad } from '../../src/ops/value-and-grad.js';

const values = [1, 2, 3, -50, 0, 80];
const lse = (row: ReadonlyArray<number>): number => Math.log(row.reduce((s, v) => s + Math.exp(v), 0));
const rows = [values.slice(0, 3), values.slice(3)];
const logits = () => tensorOf(Float32Array.from(values), [2, 3]);

it('logSumExp and logSoftmax do not overflow', async () => {
  expect(await read(scope(() => logSumExp(logits())))).toBeAllClose(rows.map(lse), { rtol: 1e-6 });
  expect(await read(scope(() => logSoftmax(logits())))).toBeAllClose(
    rows.flatMap((r) => r.map((v) => v - lse(r))),
    { atol: 1e-5 },
  );
  const large = tensorOf(Float32Array.of(1000, 1000), [1, 2]);
  expect(await read(logSumExp(large))).toBeAllClose([1000 + Math.LN2]);
});

it('the gradient of logSumExp is softmax, also where largest elements are equal', async () => {
  const x = tensorOf(Float32Array.of(2, 2, 1, 0, 0, 0), [2, 3]);
  const { grads } = scope(() => valueAndGrad((p) => tf.sum(logSumExp(p['x'] as Tensor)))({ x }));
  const e = Math.E;
  const first = [e * e, e * e, e].map((v) => v / (2 * e * e + e));
  expect(await read(grads['x'] as Tensor)).toBeAllClose([...first, 1 / 3, 1 / 3, 1 / 3]);
});

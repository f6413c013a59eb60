import { expect, it } from 'vitest';
import { read, scope, tensorOf } from '../../src/ops/backend.js';
import { logSoftmax, logSumExp } from '../../src/ops/softmax.js';

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

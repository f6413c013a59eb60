import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, inject, it } from 'vitest';
import type { Tensor } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { valueAndGrad } from '../../../src/ops/value-and-grad.js';
import { answer, gradientCases, gradientOf, kernelCases, type Answer, type Found, type Side } from './cases.js';

const backend = inject('backend');

/** Answers of tfjs as it ships, by name; a case that ended the process has none. */
const stockAnswers = (): ReadonlyMap<string, Answer<unknown>> => {
  const script = fileURLToPath(new URL('stock.ts', import.meta.url));
  const child = spawnSync(process.execPath, ['--import', 'tsx', script, backend], { encoding: 'utf8' });
  const lines = child.stdout.split('\n').filter((line) => line.startsWith('['));
  return new Map(lines.map((line) => JSON.parse(line) as [string, Answer<unknown>]));
};

const weft: Side = {
  tf,
  grad: (f) => (x) => valueAndGrad((p) => f(p['x'] as Tensor))({ x }).grads['x'] as Tensor,
};

const isClose = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): boolean =>
  a.length === b.length && a.every((v, i) => Math.abs(v - (b[i] as number)) <= 0.02 + 0.02 * Math.abs(b[i] as number));

const isRight = ({ gradient, difference }: Found): boolean => isClose(gradient, difference);

// a webgpu device of tfjs's own is not started beside ours; its cases are in backends/webgpu-kernels.test.ts
describe.skipIf(backend === 'webgpu')('what tfjs computes wrong is mended', () => {
  const stock = stockAnswers();

  it('runs tfjs as it ships', () => {
    expect(stock.size).toBeGreaterThanOrEqual(gradientCases.length);
  });

  it.each(gradientCases.filter((c) => !c.missingOn?.includes(backend)))('gradient of $name', (c) => {
    const before = stock.get(c.name) as Answer<Found> | undefined;
    expect(before !== undefined && 'value' in before && isRight(before.value)).toBe(false);
    const { gradient, difference } = tf.tidy(() => gradientOf(c, weft) as never) as Found;
    expect(gradient).toBeAllClose(difference, { rtol: 0.01, atol: 0.01 });
  });

  it.each(kernelCases.filter((c) => c.backends.includes(backend)))('$name', ({ name, f, expected }) => {
    const before = stock.get(name) as Answer<ReadonlyArray<number>> | undefined;
    expect(before !== undefined && 'value' in before && isClose(before.value, expected)).toBe(false);
    const now = answer(() => f(tf));
    expect(now).toEqual({ value: expected });
  });
});

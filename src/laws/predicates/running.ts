/**
 * Running language models with adapters beside their weights.
 */
import { specAfter } from '../../adapters/compile.js';
import { read } from '../../ops/backend.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { adapterAt, law } from '../law.js';
import { samples } from '../operations.js';
import { tokenRows } from '../running.js';
import { expect, together, type Finding } from '../verdict.js';

/** Rounding errors of a few layers, in parts of the largest logit. */
const TOLERANCE = 2 ** -12;

/** Two tensors of logits with as many numbers, up to rounding. */
const alike = async (actual: Tensor, expected: Tensor, at: string): Promise<Finding> => {
  const [a, e] = [await read(actual), await read(expected)];
  const largest = e.reduce((m, v) => Math.max(m, Math.abs(v)), 2 ** -20);
  const off = a.reduce((m, v, i) => Math.max(m, Math.abs(v - (e[i] as number))), 0);
  return expect(
    a.length === e.length && !(off > TOLERANCE * largest),
    `expected the same logits, found some off by ${off} beside logits of ${largest}`,
    at,
  );
};

/** A sequence of a batch gives what it gives alone, with its own task. */
export const batchLaw = law(
  'batch independence',
  'run(attach(a, w), [x_1, ..., x_n])_i = run(attach(a, w), x_i) up to rounding',
  { atMost: 'routed' },
  async (s) => {
    const a = adapterAt(s, 0);
    const spec = specAfter(a, s.base);
    const rows = tokenRows(spec, s.key);
    const { logits } = s.operations.run(spec, s.operations.attach(a, s.weights), rows);
    const [, T, V] = logits.shape as [number, number, number];
    const findings: Finding[] = [];
    for (const [i, row] of rows.entries()) {
      const routing = { taskIds: (samples.taskIds ?? []).slice(i, i + 1) };
      const alone = s.operations.run(spec, s.operations.attach(a, s.weights, routing), [row]).logits;
      findings.push(await alike(tf.slice(logits, [i, 0, 0], [1, T, V]), alone, `sequence ${i}`));
    }
    return together(findings);
  },
);

/** Decoding with a cache gives what one run over the whole sequence gives. */
export const decodingLaw = law(
  'decoding',
  'run(p, x_T | cache of x_1 ... x_(T - 1)) = the last of run(p, x_1 ... x_T), p = attach(a, w), up to rounding',
  { atMost: 'routed' },
  async (s) => {
    const a = adapterAt(s, 0);
    const spec = specAfter(a, s.base);
    const rows = tokenRows(spec, s.key);
    const p = s.operations.attach(a, s.weights);
    const whole = s.operations.run(spec, p, rows).logits;
    const [B, T, V] = whole.shape as [number, number, number];
    const { cache } = s.operations.run(
      spec,
      p,
      rows.map((row) => row.slice(0, -1)),
    );
    const last = s.operations.run(
      spec,
      p,
      rows.map((row) => row.slice(-1)),
      cache,
    ).logits;
    return alike(last, tf.slice(whole, [0, T - 1, 0], [B, 1, V]), 'the last token');
  },
);

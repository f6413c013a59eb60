import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { argmax, distribution, draw, filterProblems, type Filters } from '../../src/models/sampling.js';
import { goldenJson } from './language-models.js';

interface Case {
  readonly filters: Filters;
  readonly logits: ReadonlyArray<number>;
  readonly probabilities: ReadonlyArray<number>;
}

const logits = fc
  .array(fc.double({ min: -20, max: 20, noNaN: true }), { minLength: 1, maxLength: 12 })
  .map((xs) => Float32Array.from(xs));

const unit = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

const sum = (xs: Iterable<number>): number => [...xs].reduce((a, b) => a + b, 0);

describe('distribution', () => {
  it.each(goldenJson<ReadonlyArray<Case>>('sampling.json'))('$filters cuts as transformers does', (c) => {
    expect(distribution(Float32Array.from(c.logits), c.filters)).toBeAllClose(c.probabilities);
  });

  it('is one of probabilities', () => {
    fc.assert(
      fc.property(
        logits,
        fc.double({ min: 0.01, max: 100, noNaN: true }),
        fc.integer({ min: 1, max: 15 }),
        fc.double({ min: 1e-3, max: 1, noNaN: true }),
        (z, temperature, topK, topP) => {
          const p = distribution(z, { temperature, topK, topP });
          expect(p.every((x) => x >= 0)).toBe(true);
          expect(sum(p)).toBeCloseTo(1, 12);
        },
      ),
    );
  });

  it('keeps k tokens, and more only when they are as probable as the last', () => {
    fc.assert(
      fc.property(logits, fc.integer({ min: 1, max: 15 }), (z, topK) => {
        const support = [...distribution(z, { topK })].flatMap((x, i) => (x > 0 ? [z[i] as number] : []));
        const least = z.toSorted().at(-Math.min(topK, z.length)) as number;
        const wanted = [...z].filter((x) => x >= least);
        expect(support).toEqual(wanted);
      }),
    );
  });

  it('keeps the fewest tokens that reach the mass', () => {
    fc.assert(
      fc.property(logits, fc.double({ min: 1e-3, max: 1, noNaN: true, maxExcluded: true }), (z, topP) => {
        const [p, cut] = [distribution(z, {}), distribution(z, { topP })];
        const support = [...p.keys()].filter((i) => (cut[i] as number) > 0);
        const mass = sum(support.map((i) => p[i] as number));
        const least = Math.min(...support.map((i) => p[i] as number));
        expect(mass).toBeGreaterThanOrEqual(topP - 1e-9);
        expect(mass - least).toBeLessThan(topP + 1e-9);
        // no token outside is more probable
        expect(Math.max(0, ...[...p].filter((_, i) => cut[i] === 0))).toBeLessThanOrEqual(least);
        // the kept ones keep their proportions
        expect(support.map((i) => (cut[i] as number) * mass)).toBeAllClose(support.map((i) => p[i] as number));
      }),
    );
  });

  it('stops at the token that reaches the mass', () => {
    expect([...distribution(Float32Array.of(0, 0, 0, 0), { topP: 0.5 })]).toEqual([0.5, 0.5, 0, 0]);
  });

  it('gathers on the most probable token as the temperature falls', () => {
    fc.assert(
      fc.property(logits, (z) => {
        const best = argmax(z);
        const at = distribution(z, { temperature: 0 });
        expect([...at.keys()].filter((i) => at[i] === 1)).toEqual([best]);
        const cold = distribution(z, { temperature: 1e-8 });
        expect(cold[best]).toBe(Math.max(...cold));
        expect([...cold].every((x, i) => x === 0 || (z[best] as number) - (z[i] as number) < 1e-6)).toBe(true);
      }),
    );
  });

  it('is even at high temperatures', () => {
    expect(distribution(Float32Array.of(1, -3, 2), { temperature: 1e9 })).toBeAllClose([1 / 3, 1 / 3, 1 / 3]);
  });
});

describe('draw', () => {
  it('inverts the cumulative distribution', () => {
    fc.assert(
      fc.property(logits, unit, (z, u) => {
        const p = distribution(z, { topK: 4 });
        const i = draw(p, u);
        expect(p[i]).toBeGreaterThan(0);
        const below = sum(p.slice(0, i));
        expect(below).toBeLessThanOrEqual(u + 1e-12);
        expect(below + (p[i] as number)).toBeGreaterThan(u - 1e-12);
      }),
    );
  });

  it('never gives a token that was cut, even where rounding leaves the sum below one', () => {
    expect(draw(Float64Array.of(0.3, 0.7 - 1e-10, 0), 1 - 2 ** -53)).toBe(1);
    expect(draw(Float64Array.of(0, 1), 0)).toBe(1);
  });
});

describe('argmax', () => {
  it('is the first of equals', () => expect(argmax(Float32Array.of(-1, 3, 2, 3))).toBe(1));
});

describe('filterProblems', () => {
  it('names every filter out of range at once', () => {
    expect(filterProblems('x.', { temperature: -1, topK: 0, topP: 1.5 })).toMatchObject([
      { at: 'x.temperature', found: '-1' },
      { at: 'x.topK', found: '0' },
      { at: 'x.topP', found: '1.5' },
    ]);
    expect(filterProblems('', { temperature: NaN, topK: 1.5, topP: 0 })).toHaveLength(3);
    expect(filterProblems('', { temperature: 0, topK: 1, topP: 1 })).toEqual([]);
    expect(filterProblems('', {})).toEqual([]);
  });
});

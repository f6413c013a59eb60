/** Which lane goes on with which file. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { inTurns, isBefore, type Order } from '../../../src/io/merge/turns.js';

const sizes = fc.array(fc.nat(6), { minLength: 1, maxLength: 6 });

/** Generators of files with so many pieces, which tell when two of them run at a time. */
const filesOf = (counts: ReadonlyArray<number>) => {
  const running = { now: 0, most: 0 };
  const files = counts.map(async function* (count, file) {
    for (let piece = 0; piece < count; piece++) {
      running.most = Math.max(running.most, ++running.now);
      await Promise.resolve();
      running.now--;
      yield `${file} ${piece}`;
    }
  });
  return { files, running };
};

it('gives every piece once, in the order of its file, one generator at a time', () =>
  fc.assert(
    fc.asyncProperty(sizes, fc.array(fc.nat(3), { maxLength: 60 }), async (counts, lanes) => {
      const { files, running } = filesOf(counts);
      const next = inTurns(files);
      const total = counts.reduce((n, c) => n + c, 0);
      const asked = [...lanes, ...Array.from({ length: total }, () => 0)];
      const found = (await Promise.all(asked.map((lane) => next(lane)))).filter((f) => f !== undefined);
      for (const [at, piece] of found) expect(piece).toBe(at.join(' '));
      expect(found.map(([, piece]) => piece).toSorted()).toEqual(
        counts.flatMap((count, file) => Array.from({ length: count }, (_, i) => `${file} ${i}`)).toSorted(),
      );
      expect(await next(0)).toBeUndefined();
      expect(running.most).toBeLessThanOrEqual(1);
    }),
  ));

it('leaves each lane its own file while there are enough, and then helps with those of others', async () => {
  const next = inTurns(filesOf([4, 2, 1]).files);
  const given: (string | undefined)[] = [];
  for (const lane of [0, 1, 0, 1, 1, 1, 1, 0]) given.push((await next(lane))?.[1]);
  expect(given).toEqual(['0 0', '1 0', '0 1', '1 1', '2 0', '0 2', '0 3', undefined]);
});

it('gives nothing from a place on', () =>
  fc.assert(
    fc.asyncProperty(sizes, fc.nat(6), fc.nat(6), async (counts, file, piece) => {
      const next = inTurns(filesOf(counts).files);
      const end: Order = [file, piece];
      const found: Order[] = [];
      for (let lane = 0; ; lane = 1 - lane) {
        const given = await next(lane, end);
        if (given === undefined) break;
        found.push(given[0]);
      }
      const all = counts.flatMap((count, f) => Array.from({ length: count }, (_, i): Order => [f, i]));
      expect(found.map(String).toSorted()).toEqual(
        all
          .filter((at) => isBefore(at, end))
          .map(String)
          .toSorted(),
      );
    }),
  ));

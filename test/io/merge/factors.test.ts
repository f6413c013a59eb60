/** Memory for factors: places that are taken do not overlap, and what is given back is used again. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { newFactors } from '../../../src/io/merge/factors.js';

it('gives places of any size that nobody else has, of no more memory than is taken at a time', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(20), fc.constant('give' as const)), { maxLength: 60 }), (steps) => {
      const { take, give } = newFactors();
      const taken: Float32Array[] = [];
      const known = new Set<ArrayBufferLike>();
      let most = 0;
      for (const step of steps) {
        if (step === 'give') {
          const place = taken.shift();
          if (place !== undefined) give(place);
          continue;
        }
        const place = take(step);
        expect(place.length).toBe(step);
        expect(taken.some(({ buffer }) => buffer === place.buffer)).toBe(false);
        taken.push(place);
        known.add(place.buffer);
        most = Math.max(most, taken.length);
      }
      // all the places that there are: a larger one replaces a smaller one
      while (taken.length > 0) give(taken.pop()!);
      const places = Array.from({ length: most }, () => take(0));
      expect(places.every(({ buffer }) => known.has(buffer))).toBe(true);
    }),
  );
});

it('lies where threads can read it', () => {
  expect(newFactors().take(3).buffer).toBeInstanceOf(SharedArrayBuffer);
});

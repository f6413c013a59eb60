import fc from 'fast-check';
import { expect, it } from 'vitest';
import { copyBox } from '../../../src/ops/backends/copy-box.js';
import { sizeOf, type Shape } from '../../../src/ops/tensor.js';
import { runs } from '../arbitrary.js';
import { coordinatesOf, flatOf } from './row-major.js';

interface Placed {
  readonly size: number;
  readonly from: number;
  readonly to: number;
  readonly fromBegin: number;
  readonly toBegin: number;
}

const axisOf = (sizes: fc.Arbitrary<number>): fc.Arbitrary<Placed> =>
  fc
    .record({ size: sizes, fromBegin: fc.nat(1), fromEnd: fc.nat(1), toBegin: fc.nat(1), toEnd: fc.nat(1) })
    .map(({ size, fromBegin, fromEnd, toBegin, toEnd }) => ({
      size,
      from: fromBegin + size + fromEnd,
      to: toBegin + size + toEnd,
      fromBegin,
      toBegin,
    }));

/** Axes of a box in two arrays, which it often covers; the last may be wide enough for whole-row copies. */
const boxes = fc
  .tuple(
    fc.array(axisOf(fc.nat(3)), { maxLength: 3 }),
    fc.option(axisOf(fc.constantFrom(1, 2, 17)), { nil: undefined }),
  )
  .map(([outer, last]) => (last === undefined ? outer : [...outer, last]));

it('moves the elements of a box and no others', () =>
  fc.assert(
    fc.property(boxes, (axes) => {
      const of = (name: keyof Placed): Shape => axes.map((a) => a[name]);
      const from = Float32Array.from({ length: sizeOf(of('from')) }, (_, i) => i + 1);
      const to = new Float32Array(sizeOf(of('to')));
      const expected = to.slice();
      for (const at of coordinatesOf(of('size'))) {
        const moved = (begin: Shape): number[] => at.map((c, i) => c + (begin[i] as number));
        expected[flatOf(moved(of('toBegin')), of('to'))] = from[flatOf(moved(of('fromBegin')), of('from'))] as number;
      }
      copyBox(
        { values: from, shape: of('from'), begin: of('fromBegin') },
        { values: to, shape: of('to'), begin: of('toBegin') },
        of('size'),
      );
      expect(to).toEqual(expected);
    }),
    { numRuns: runs(100) },
  ));

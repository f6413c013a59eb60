import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { broadcastIndex, broadcastShapes, isSuffix, repeatedAxes } from '../../src/ops/broadcast.js';
import { sizeOf } from '../../src/ops/tensor.js';
import { broadcastPairs } from './arbitrary.js';

describe('broadcasting', () => {
  it('takes the larger size of each axis', () => {
    expect(broadcastShapes([2, 1], [3])).toEqual([2, 3]);
    expect(broadcastShapes([], [4])).toEqual([4]);
    expect(broadcastShapes([0], [1])).toEqual([0]);
    expect(() => broadcastShapes([2], [3])).toThrow(/\[2\] and \[3\]/);
  });

  it('knows which element of the smaller shape each element comes from', () => {
    expect([...broadcastIndex([2, 1], [2, 3])]).toEqual([0, 0, 0, 1, 1, 1]);
    expect([...broadcastIndex([3], [2, 3])]).toEqual([0, 1, 2, 0, 1, 2]);
    expect([...broadcastIndex([1, 2], [2, 2, 2])]).toEqual([0, 1, 0, 1, 0, 1, 0, 1]);
  });

  it('uses each element as often as its repeated axes say', () =>
    fc.assert(
      fc.property(broadcastPairs, ([from, other]) => {
        const to = broadcastShapes(from, other);
        const counts = new Int32Array(sizeOf(from));
        broadcastIndex(from, to).forEach((i) => (counts[i] = (counts[i] as number) + 1));
        const times = sizeOf(repeatedAxes(from, to).map((axis) => to[axis] as number));
        expect([...counts]).toEqual(Array<number>(sizeOf(from)).fill(times));
      }),
    ));

  it('repeats suffixes in row-major order', () =>
    fc.assert(
      fc.property(broadcastPairs, ([from, other]) => {
        const to = broadcastShapes(from, other);
        const cyclic = [...broadcastIndex(from, to)].every((j, i) => j === i % sizeOf(from));
        if (isSuffix(from, to)) expect(cyclic).toBe(true);
        else expect(cyclic).toBe(false);
      }),
    ));
});

import { expect, it } from 'vitest';
import { tensorOf } from '../../src/ops/backend.js';
import { recordOf } from '../../src/ops/tensor.js';
import { mapTensors, tensorsIn } from '../../src/ops/tree.js';

const [a, b] = [tensorOf(Float32Array.of(1), [1]), tensorOf(Float32Array.of(2), [1])];

it('replaces tensors wherever they stand, and leaves the rest and the original as they are', () => {
  class Held {
    readonly t = a;
  }
  const [held, bytes, f] = [new Held(), new Int32Array(2), () => a];
  const data = {
    t: a,
    list: [a, 1, undefined, null],
    map: new Map([['k', { t: a }]]),
    bare: recordOf([['__proto__', a]]),
    held,
    bytes,
    f,
  };
  const copy = mapTensors(data, () => b);
  expect(tensorsIn(data)).toEqual([a, a, a, a]);
  expect(tensorsIn(copy)).toEqual([b, b, b, b]);
  expect(copy.map.get('k')?.t).toBe(b);
  expect(Object.getPrototypeOf(copy.bare)).toBeNull();
  expect(copy.bare['__proto__']).toBe(b);
  expect([copy.held, copy.bytes, copy.f]).toEqual([held, bytes, f]);
  expect(copy.held).toBe(held);
  expect(data.t).toBe(a);
});

import { describe, expect, it } from 'vitest';
import { difference } from '../../bench/measure.js';
import { timeTable } from '../../bench/present.js';
import type { Found } from '../../bench/result.js';
import { medianRatio, sampleOf } from '../../bench/statistics.js';

const machine = { name: '', cpu: '', cores: 1, memory: 1, os: '', node: '', packages: {} };

describe('difference', () => {
  it('takes each thing by its own largest number', () => {
    expect(difference([[100], [1e-3]], [[100], [2e-3]])).toBe(0.5);
  });

  it('finds things that are missing', () => {
    expect(difference([[1]], [[1], [2]])).toBe(Infinity);
    expect(difference([[1, 2]], [[1]])).toBe(Infinity);
  });
});

describe('medianRatio', () => {
  it('compares rounds that both took part in', () => {
    expect(medianRatio(sampleOf([10, 30]), sampleOf([1, 2, 1000]))).toBe(12.5);
  });
});

describe('timeTable', () => {
  const found = (flops?: number): Found => ({
    bench: 'b',
    title: '',
    date: '',
    machine,
    rounds: 1,
    contenders: ['Weft', 'other', 'third'],
    rows: [
      {
        name: 'one',
        ...(flops === undefined ? {} : { flops }),
        cells: {
          Weft: { ms: sampleOf([2]), difference: 0 },
          other: { ms: sampleOf([10]), difference: 1e-3 },
          third: { note: 'did not finish in 90 s' },
        },
      },
    ],
  });

  it('sets the times of others beside those of the first', () => {
    expect(timeTable(found()).rows).toEqual([['one', '2', '10 (5 x)', 'did not finish in 90 s', '1e-3']]);
  });

  it('gives rates where operations are counted', () => {
    expect(timeTable(found(4e9)).rows[0]?.slice(1, 3)).toEqual(['2000', '400 (5 x)']);
  });
});

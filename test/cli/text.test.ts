/** How numbers, tables, problems and file contents are shown. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { problemJson, problemLines } from '../../src/cli/problems.js';
import { showBytes, showCount, showDuration, showMany } from '../../src/cli/quantities.js';
import { printable, styleOf } from '../../src/cli/style.js';
import { facts, table } from '../../src/cli/table.js';
import { processTerminal } from '../../src/cli/terminal.js';
import { problem, unsupported } from '../../src/problem.js';

describe('quantities', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [1_234_567, '1.23 MB'],
    [9_990_000_000, '9.99 GB'],
    [12e15, '1.20e+4 TB'],
  ])('%d bytes are %s', (bytes, text) => expect(showBytes(bytes)).toBe(text));

  it('counts with separators and plurals', () => {
    expect([showCount(1234567), showMany(1, 'tensor'), showMany(2000, 'tensor')]).toEqual([
      '1,234,567',
      '1 tensor',
      '2,000 tensors',
    ]);
  });

  it('shows durations', () => {
    expect([showDuration(1234), showDuration(125_000)]).toEqual(['1.23 s', '2 min 5 s']);
  });
});

describe('tables', () => {
  it('align columns, and do not count escape sequences', () => {
    expect(
      table(
        [
          ['a', '1'],
          ['\x1b[1mbbb\x1b[0m', '22'],
        ],
        [1],
      ),
    ).toEqual(['a     1', '\x1b[1mbbb\x1b[0m  22']);
    expect(
      facts([
        ['x', '1'],
        ['gone', undefined],
      ]),
    ).toEqual(['  x  1']);
    expect(table([])).toEqual([]);
  });
});

describe('text from files', () => {
  it('never drives the terminal', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (s) => !/\p{Cc}|[\u202a-\u202e]/u.test(printable(s))),
      { seed: 3 },
    );
    expect(printable('a\x1b[2J\nb')).toBe('a\\u001b[2J b');
  });
});

describe('problems', () => {
  const plain = styleOf(false);

  it('say where, what was expected, what was found, what to do', () => {
    expect(problemLines([problem('r', 'a rank', '0', 'Choose one.'), problem('s', 'x', 'y')], plain)).toEqual([
      'error r',
      '  expected  a rank',
      '  found     0',
      '  hint      Choose one.',
      'error s',
      '  expected  x',
      '  found     y',
    ]);
  });

  it('are counted beyond fifty', () => {
    const many = Array.from({ length: 53 }, (_, i) => problem(String(i), 'x', 'y'));
    expect(problemLines(many, plain).at(-1)).toBe('and 3 more problems; --json lists all of them');
  });

  it('become JSON without empty hints', () => {
    expect(problemJson(problem('r', 'x', 'y'))).toEqual({ at: 'r', expected: 'x', found: 'y' });
    expect(problemJson(unsupported('r', 'y', 'later'))).toMatchObject({ hint: 'later', unsupported: true });
  });
});

describe('the terminal of the process', () => {
  const streams = (isTTY: boolean) => ({ stdout: process.stdout, stderr: { isTTY } as NodeJS.WriteStream });
  const { signal } = new AbortController();

  it.each([
    [true, {}, true, true],
    [true, { NO_COLOR: '1' }, true, false],
    [true, { NO_COLOR: '' }, true, true],
    [true, { TERM: 'dumb' }, false, false],
    [false, {}, false, false],
  ])('is a TTY: %s, with %j: interactive %s, color %s', (isTTY, env, interactive, color) => {
    expect(processTerminal(streams(isTTY), env, signal)).toMatchObject({ interactive, color });
  });
});

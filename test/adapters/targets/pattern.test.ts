import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { E } from '../../../src/fp.js';
import type { Problem } from '../../../src/problem.js';
import {
  compilePattern,
  escapePattern,
  fullMatch,
  LONGEST_PATTERN,
  matchPrefix,
  type Pattern,
} from '../../../src/adapters/targets/pattern.js';
import { pythonTable } from './python-table.js';

const compiled = (source: string): Pattern => {
  const result = compilePattern(source, 'test');
  if (E.isLeft(result)) throw new Error(`${source}: ${result.left[0].expected}, ${result.left[0].found}`);
  return result.right;
};

const refused = (source: string): ReadonlyArray<Problem> => {
  const result = compilePattern(source, 'test');
  return E.isLeft(result) ? result.left : [];
};

describe('compilePattern', () => {
  it.each(pythonTable)('%j means what it means in Python', (source, rows) => {
    if (rows === null) {
      expect(refused(source).length).toBeGreaterThan(0);
      expect(refused(source)[0]?.unsupported).toBeUndefined();
      return;
    }
    const pattern = compiled(source);
    for (const [text, full, prefix] of rows) {
      expect([text, fullMatch(pattern, text)]).toEqual([text, full === 1]);
      expect([text, matchPrefix(pattern, text)]).toEqual([text, prefix?.map((g) => g ?? undefined)]);
    }
  });

  it.each([
    ['(a)\\1', 'the backreference \\1 at position 3'],
    ['(?P<n>a)(?P=n)', 'the backreference (?P=n) at position 8'],
    ['a(?<=b)', 'a lookbehind, (?<=...) at position 1'],
    ['(?<!b)a', 'a negative lookbehind, (?<!...) at position 0'],
    ['a(?!b)', 'a negative lookahead, (?!...) at position 1'],
    ['(?:(?=b)a)', 'a lookahead, (?=...) at position 3'],
    ['(?>a)', 'an atomic group, (?>...) at position 0'],
    ['aa*+', 'the possessive quantifier *+ at position 2'],
    ['(a)?(?(1)b|c)', 'the conditional (?(...) at position 4'],
    ['\\N{DIGIT ONE}', 'a character by name, \\N{...} at position 0'],
    ['a{1001}', '{1001} at position 1'],
  ])('refuses %s by name, position and advice', (source, found) => {
    const [first] = refused(source);
    expect(first?.found).toBe(found);
    expect(first?.hint).not.toBe('');
    expect(first?.unsupported).toBe(true);
  });

  it('reports every refused construct at once', () => {
    expect(refused('a(?=b)c(?<=d)e\\1(?>f)').map((p) => p.found.match(/\d+$/)?.[0])).toEqual(['7', '14', '16']);
    expect(refused('a(?=b)c(?!d)')).toHaveLength(2);
  });

  it('limits length, nesting and repetition with problems', () => {
    expect(refused('a'.repeat(LONGEST_PATTERN + 1))).toHaveLength(1);
    expect(refused('('.repeat(LONGEST_PATTERN))).toHaveLength(1);
    expect(refused('(?:a{40}){40}')[0]?.expected).toBe('a pattern that RE2 accepts');
    expect(refused('a{1000}'.repeat(60))[0]?.expected).toBe('at most 50000 steps');
    expect(refused('[\\Wa]'.repeat(70))[0]?.expected).toBe('at most 50000 steps');
  });

  it('never throws', () => {
    const piece = fc.constantFrom(
      ...'ab1.*+?{}()[]|^$\\-,:=!<>#PiLxuN\n é\ud800'.split(''),
      '(?',
      '(?P<',
      '\\N{',
      '{2,',
      '[^',
      '\u{1f600}',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), fc.string(), (pieces, text) => {
        const result = compilePattern(pieces.join(''), 'test');
        if (E.isLeft(result)) return;
        expect(typeof fullMatch(result.right, text)).toBe('boolean');
        const prefix = matchPrefix(result.right, text);
        if (fullMatch(result.right, text)) expect(prefix).toBeDefined();
        if (prefix !== undefined) expect(text.startsWith(prefix[0] as string)).toBe(true);
      }),
      { seed: 1, numRuns: 2000 },
    );
  });
});

describe('matching', () => {
  it.each([
    ['(a+)+$', 'a', 'b'],
    ['(a|a)*b', 'a', 'c'],
    ['(x+x+)+y', 'x', ''],
    ['(.*a){30}b', 'a', ''],
  ])('%s ends on a text that takes a backtracking matcher more steps than there are atoms', (source, unit, end) => {
    const pattern = compiled(source);
    const text = unit.repeat(20_000) + end;
    expect(fullMatch(pattern, text)).toBe(false);
    expect(matchPrefix(pattern, `${unit.repeat(300)}${end}`) === undefined).toBe(source !== '(a+)+$' || end !== '');
  });
});

describe('escapePattern', () => {
  it('matches the text itself and nothing else', () => {
    const text = fc.string({ unit: 'grapheme' });
    fc.assert(
      fc.property(text, text, (a, b) => {
        const pattern = compiled(escapePattern(a));
        expect(fullMatch(pattern, a)).toBe(true);
        expect(fullMatch(pattern, b)).toBe(a === b);
        expect(matchPrefix(pattern, a + b)?.[0]).toBe(a);
      }),
      { seed: 2 },
    );
  });
});

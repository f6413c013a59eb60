import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headerOf } from '../../../src/io/safetensors/file.js';
import { headerLength, MAX_HEADER_BYTES, parseHeader } from '../../../src/io/safetensors/header.js';
import { problemsOf, valueOf } from '../result.js';
import { buildFile, entry } from './build.js';

const problems = (file: Uint8Array): ReadonlyArray<string> => problemsOf(headerOf(file, 'f'));

describe('accepts what the reference accepts', () => {
  it.each([
    ['a matrix', buildFile(`{"test":${entry('I32', [2, 2], 0, 16)}}`, 16)],
    ['a scalar', buildFile(`{"test":${entry('I32', [], 0, 4)}}`, 4)],
    ['an empty tensor', buildFile(`{"test":${entry('I32', [2, 0], 0, 0)}}`)],
    ['no tensors', buildFile('{}')],
    ['white space after the header', buildFile('{}\r \t\n')],
    ['packed elements that end at a byte', buildFile(`{"t":${entry('F4', [1, 2], 0, 1)}}`, 1)],
    ['fields it does not know', buildFile('{"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"later":[{}]}}', 1)],
    ['no metadata spelled null', buildFile('{"__metadata__":null}')],
  ])('%s', (_, file) => expect(problems(file)).toEqual([]));

  it('orders tensors by their bytes and finds the data', () => {
    const header = valueOf(
      headerOf(
        buildFile(`{"b":${entry('U8', [2], 3, 5)},"e":${entry('U8', [0], 3, 3)},"a":${entry('U8', [3], 0, 3)}}`, 5),
      ),
    );
    expect([...header.tensors]).toEqual([
      ['a', { dtype: 'U8', shape: [3], begin: 0, end: 3 }],
      ['e', { dtype: 'U8', shape: [0], begin: 3, end: 3 }],
      ['b', { dtype: 'U8', shape: [2], begin: 3, end: 5 }],
    ]);
    expect(header.metadata).toBeUndefined();
  });
  it('tells no metadata from empty metadata', () => {
    expect(valueOf(headerOf(buildFile('{"__metadata__":{}}'))).metadata).toEqual(new Map());
    const header = valueOf(headerOf(buildFile('{"__metadata__":{"format":"pt","__proto__":"x"}}')));
    expect([...(header.metadata ?? [])]).toEqual([
      ['format', 'pt'],
      ['__proto__', 'x'],
    ]);
  });
  it('takes hostile names as names', () => {
    const names = ['__proto__', 'constructor', 'toString', '', 'a/../b', '\u0000', '\ud83d\ude00', '"'];
    const json = names.map((n, i) => `${JSON.stringify(n)}:${entry('U8', [1], i, i + 1)}`).join(',');
    const header = valueOf(headerOf(buildFile(`{${json}}`, names.length)));
    expect([...header.tensors.keys()]).toEqual(names);
    expect(({} as Record<string, unknown>)['dtype']).toBeUndefined();
  });
});

describe('refuses', () => {
  const u8 = (begin: number, end: number): string => entry('U8', [end - begin], begin, end);
  it.each<readonly [string, Uint8Array, string]>([
    ['a file without a length', new Uint8Array(7), 'at least 8 bytes'],
    ['an empty file', new Uint8Array(0), 'at least 8 bytes'],
    ['a header above 100 MB', buildFile('{}', 0, MAX_HEADER_BYTES + 1), `at most ${MAX_HEADER_BYTES}`],
    ['a length beyond 2^53', buildFile('{}', 0, 2n ** 64n - 1n), `at most ${MAX_HEADER_BYTES}`],
    ['a header that the file cuts off', buildFile('{}', 0, 3), 'truncated'],
    ['an empty header', buildFile(''), "begins with '{'"],
    ['white space before the header', buildFile(' {}'), "begins with '{'"],
    ['a header that is a list', buildFile('[]'), "begins with '{'"],
    ['bytes that are no UTF-8', buildFile(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)), 'UTF-8'],
    ['half of a surrogate pair', buildFile(`{"\\ud800":${u8(0, 1)}}`, 1), 'surrogate'],
    ['text that is no JSON', buildFile('{'), 'f: header:1:2'],
    ['words of Python', buildFile('{"a":NaN}'), 'a JSON value'],
    ['a name that occurs twice', buildFile(`{"a":${u8(0, 1)},"a":${u8(0, 1)}}`, 1), '"a" again'],
    [
      'a field that occurs twice',
      buildFile('{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1),
      '"dtype" again',
    ],
    ['a metadata key that occurs twice', buildFile('{"__metadata__":{"k":"1","k":"2"}}'), '"k" again'],
    ['metadata that is no string', buildFile('{"__metadata__":{"k":1}}'), '__metadata__: k'],
    ['metadata that is a list', buildFile('{"__metadata__":["k"]}'), '__metadata__'],
    ['an unknown dtype', buildFile(`{"a":${entry('F7', [1], 0, 1)}}`, 1), 'f: a: dtype'],
    ['an inherited name as dtype', buildFile(`{"a":${entry('constructor', [1], 0, 1)}}`, 1), 'f: a: dtype'],
    ['a tensor that is no object', buildFile('{"a":[]}'), 'f: a'],
    ['a missing field', buildFile('{"a":{"dtype":"U8","shape":[1]}}'), 'data_offsets'],
    ['a negative size', buildFile(`{"a":${entry('U8', [-1], 0, 1)}}`, 1), 'shape.0'],
    ['a fractional size', buildFile('{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}', 1), 'shape.0'],
    ['a size with an exponent', buildFile('{"a":{"dtype":"U8","shape":[1e0],"data_offsets":[0,1]}}', 1), 'shape.0'],
    ['a negative zero', buildFile('{"a":{"dtype":"U8","shape":[-0],"data_offsets":[0,0]}}'), 'shape.0'],
    [
      'a size beyond 2^53',
      buildFile(`{"a":${'{"dtype":"I32","shape":[2,18446744073709551614],"data_offsets":[0,16]}'}}`, 16),
      'shape.1',
    ],
    ['a product beyond 2^53', buildFile(`{"a":${entry('I32', [2 ** 40, 2 ** 40], 0, 16)}}`, 16), 'below 2^53'],
    ['bits beyond 2^53', buildFile(`{"a":${entry('I32', [2 ** 50], 0, 16)}}`, 16), 'below 2^53'],
    ['elements that end inside a byte', buildFile(`{"a":${entry('F4', [3], 0, 2)}}`, 2), 'whole number of bytes'],
    ["a size that is not the shape's", buildFile(`{"a":${entry('I32', [2, 2], 0, 4)}}`, 4), '16 bytes for I32 [2, 2]'],
    ['an end before its begin', buildFile(`{"a":${entry('U8', [1], 1, 0)}}`, 1), 'data_offsets [1, 0]'],
    ['three offsets', buildFile('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}}', 1), 'data_offsets'],
    ['data that does not begin at 0', buildFile(`{"a":${u8(1, 2)}}`, 2), 'leaves a hole'],
    [
      'a hole',
      buildFile(`{"a":${u8(0, 1)},"b":${u8(2, 3)}}`, 3),
      'f: b: expected data that begins at 1, found 2, which leaves a hole',
    ],
    [
      'an overlap',
      buildFile(`{"a":${u8(0, 2)},"b":${u8(1, 3)}}`, 3),
      'f: b: expected data that begins at 2, found 1, which overlaps',
    ],
    ['one range for two tensors', buildFile(`{"a":${u8(0, 2)},"b":${u8(0, 2)}}`, 2), 'overlaps'],
    ['bytes after the last tensor', buildFile(`{"a":${u8(0, 2)}}`, 3), 'nothing after them'],
    ['bytes without a tensor', buildFile('{}', 1), 'nothing after them'],
    ['missing bytes', buildFile(`{"a":${u8(0, 2)}}`, 1), 'truncated'],
  ])('%s', (_, file, expected) => {
    const found = problems(file);
    expect(found.length).toBeGreaterThan(0);
    expect(found.join('\n')).toContain(expected);
  });

  it('deep nesting without overflowing the stack', () => {
    expect(problems(buildFile(`{"a":${'['.repeat(100_000)}`)).join()).toContain('levels of nesting');
  });
  it('everything that is wrong with the entries at once', () => {
    const file = buildFile(`{"__metadata__":{"k":1},"a":${entry('F7', [-1], 0, 1)},"b":${entry('U8', [2], 0, 1)}}`, 1);
    expect(problems(file)).toHaveLength(4);
  });
  it('every gap at once', () => {
    expect(problems(buildFile(`{"a":${u8(1, 2)},"b":${u8(3, 4)}}`, 5))).toHaveLength(3);
  });
  it('a header without reading what its length claims', () => {
    expect(problemsOf(headerLength(buildFile('{}', 0, 50_000_000), 10))[0]).toContain('truncated');
  });
});

it('never throws, whatever the bytes', () => {
  const piece = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '"a"',
    '0',
    '-1',
    '1e9',
    '"dtype"',
    '"U8"',
    '"shape"',
    '"data_offsets"',
    'null',
    '\\u',
    ' ',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), fc.nat(40), (pieces, data) => {
      headerOf(buildFile(`{${pieces.join('')}`, data));
    }),
    { seed: 7, numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(), (bytes, size) => {
      headerOf(bytes);
      parseHeader(bytes, size);
    }),
    { seed: 7, numRuns: 1000 },
  );
});

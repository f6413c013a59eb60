import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_DEPTH, parseJson, parsePythonJson } from '../../src/io/json.js';
import { pythonJson } from '../../src/io/python-json.js';
import { problemsOf, valueOf } from './result.js';

/** The same value with plain objects, for comparison. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('parseJson', () => {
  it('agrees with JSON.parse on every value, however it is spaced', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(undefined, 2, '\t'), (value, space) => {
        const text = JSON.stringify(value, null, space);
        expect(valueOf(parseJson(text, 'f', { python: true }))).toEqual(JSON.parse(text));
      }),
      { seed: 7, numRuns: 500 },
    );
  });
  it('accepts and refuses what JSON.parse does', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"b"',
      '"\\n"',
      '"\\u00e9"',
      '0',
      '-0',
      '01',
      '1.5e-3',
      '1.',
      '.5',
      '+1',
      '-',
      'true',
      'null',
      'nul',
      ' ',
      '\n',
      "'a'",
      '//',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 7 }), (pieces) => {
        const text = pieces.join('');
        let expected: unknown;
        try {
          expected = { value: JSON.parse(text) };
        } catch {
          expected = undefined;
        }
        const result = parseJson(text, 'f', { duplicates: 'last' });
        expect(
          result._tag === 'Right' ? { value: result.right === undefined ? undefined : plain(result.right) } : undefined,
        ).toEqual(expected === undefined ? undefined : plain(expected));
      }),
      { seed: 7, numRuns: 20_000 },
    );
  });
  it('builds records without prototype, in which any name is a key', () => {
    const value = valueOf(parseJson('{"__proto__":{"a":1},"constructor":2,"":3}', 'f')) as Record<string, unknown>;
    expect(Object.getPrototypeOf(value)).toBeNull();
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor', '']);
    expect(({} as Record<string, unknown>)['a']).toBeUndefined();
  });
  it.each([
    ['', 'f:1:1: expected a JSON value, found the end'],
    ['{"a": 1,\n  "b": tru}', 'f:2:8: expected a JSON value, found "tru}"'],
    ['[1 2]', "f:1:4: expected ',' or ']', found \"2]\""],
    ['{"a" 1}', 'f:1:6: expected \':\', found "1}"'],
    ['{"a":1 "b"', 'f:1:8: expected \',\' or \'}\', found "\\"b\\""'],
    ['{a:1}', 'f:1:2: expected a string in double quotes, found "a:1}"'],
    ['[1,]', 'f:1:4: expected a JSON value, found "]"'],
    ['1 2', 'f:1:3: expected nothing after the value, found "2"'],
    ['"a', 'f:1:3: expected a closing quote, and control characters only as escapes, found the end'],
    ['"\n"', 'f:1:2: expected a closing quote, and control characters only as escapes, found "\\n\\""'],
    ['"\\x"', 'f:1:2: expected an escape that JSON knows, found "\\\\x\\""'],
    ['"\\u12g4"', 'f:1:2: expected four hexadecimal digits after \\u, found "\\\\u12g4\\""'],
    ['"\\ud800"', 'f:1:2: expected a string in Unicode, without half surrogate pairs, found "\\\\ud800\\""'],
    ['1e999', 'f:1:1: expected a number within float64, found "1e999"'],
    ['NaN', 'f:1:1: expected a JSON value, found "NaN"'],
    ['\ufeff1', 'f:1:1: expected a JSON value, found "\ufeff1"'],
    ['{"a":1,"b":{"c":1,"c":2},\n"a":3}', 'f:1:19: expected names that occur once in their object, found "c" again'],
  ])('says where %j is wrong', (text, expected) => expect(problemsOf(parseJson(text, 'f'))[0]).toBe(expected));

  it('reports every duplicate name, and stops after twenty', () => {
    expect(problemsOf(parseJson('{"a":1,"b":{"c":1,"c":2},\n"a":3}', 'f'))).toHaveLength(2);
    expect(problemsOf(parseJson(`{${Array(1000).fill('"a":1').join()}}`, 'f'))).toHaveLength(20);
    expect(valueOf(parseJson('{"a":1,"a":2}', 'f', { duplicates: 'last' }))).toEqual({ a: 2 });
  });
  it('bounds nesting instead of overflowing the stack', () => {
    const nested = (n: number): string => '['.repeat(n) + ']'.repeat(n);
    expect(problemsOf(parseJson(nested(MAX_DEPTH), 'f'))).toEqual([]);
    expect(problemsOf(parseJson(nested(MAX_DEPTH + 1), 'f'))[0]).toContain('levels of nesting');
    expect(problemsOf(parseJson('{"a":'.repeat(1_000_000), 'f'))[0]).toContain('levels of nesting');
  });
  it('hands literals to whoever wants them', () => {
    expect(valueOf(parseJson('[1, 1.0, -0]', 'f', { number: (s) => s }))).toEqual(['1', '1.0', '-0']);
  });
  it('reads what Python adds to JSON, when asked', () => {
    expect(valueOf(parseJson('[NaN, Infinity, -Infinity, -1, "\\ud800"]', 'f', { python: true }))).toEqual([
      NaN,
      Infinity,
      -Infinity,
      -1,
      '\ud800',
    ]);
  });
});

describe('pythonJson', () => {
  it('writes what json.dumps(indent=2, sort_keys=True) writes', () => {
    const value = {
      task_type: 'CAUSAL_LM',
      r: 8,
      lora_dropout: 0,
      eps: 1e-5,
      none: null,
      inference_mode: true,
      empty: {},
      target_modules: ['q', 'v'],
      list: [],
      nested: { b: 1, B: [1.5, { z: false }] },
    };
    expect(pythonJson(value, new Set(['lora_dropout']))).toBe(
      [
        '{',
        '  "empty": {},',
        '  "eps": 1e-05,',
        '  "inference_mode": true,',
        '  "list": [],',
        '  "lora_dropout": 0.0,',
        '  "nested": {',
        '    "B": [',
        '      1.5,',
        '      {',
        '        "z": false',
        '      }',
        '    ],',
        '    "b": 1',
        '  },',
        '  "none": null,',
        '  "r": 8,',
        '  "target_modules": [',
        '    "q",',
        '    "v"',
        '  ],',
        '  "task_type": "CAUSAL_LM"',
        '}',
      ].join('\n'),
    );
  });
  // repr() of Python 3.
  it.each([
    [0, '0.0'],
    [-0, '-0.0'],
    [1, '1.0'],
    [1e-4, '0.0001'],
    [0.00012345, '0.00012345'],
    [1e-5, '1e-05'],
    [1.5e-7, '1.5e-07'],
    [5e-324, '5e-324'],
    [123456789, '123456789.0'],
    [1e15, '1000000000000000.0'],
    [1e16, '1e+16'],
    [12345678901234568, '1.2345678901234568e+16'],
    [1e22, '1e+22'],
    [1.7976931348623157e308, '1.7976931348623157e+308'],
    [-2.5, '-2.5'],
    [0.1, '0.1'],
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
    [-Infinity, '-Infinity'],
  ])('writes the float %d as %s', (x, expected) => {
    expect(pythonJson({ x }, new Set(['x']))).toBe(`{\n  "x": ${expected}\n}`);
  });
  it('writes integers in full and fractions as floats where no field says otherwise', () => {
    expect([1e30, 2 ** 53, -3, 2.5, 10n ** 30n].map((x) => pythonJson(x))).toEqual([
      '1000000000000000019884624838656',
      '9007199254740992',
      '-3',
      '2.5',
      '1000000000000000000000000000000',
    ]);
  });
  it('escapes all but printable ASCII', () => {
    expect(pythonJson('"\\/\b\f\n\r\t\u0000\u001f\u007f\u00e9\u2028\ud83d\ude00\ud800')).toBe(
      '"\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\\u007f\\u00e9\\u2028\\ud83d\\ude00\\ud800"',
    );
  });
  it('sorts keys by code points', () => {
    expect(
      pythonJson({ '\ud83d\ude00': 1, '\uffee': 1, a: 1, Z: 1, 10: 1, 9: 1, '': 1, aa: 1 }).match(/"(.*)":/g),
    ).toEqual(['', '10', '9', 'Z', 'a', 'aa', '\\uffee', '\\ud83d\\ude00'].map((k) => `"${k}":`));
  });
  it('takes a field for a float with everything below it, and only at its own path', () => {
    expect(pythonJson({ a: { b: [1, { c: 2 }] }, b: 1 }, new Set(['a/b'])).match(/[0-9.]+/g)).toEqual([
      '1.0',
      '2.0',
      '1',
    ]);
  });
  it('refuses values that JSON cannot hold', () => {
    expect(() => pythonJson({ a: undefined })).toThrow(TypeError);
    expect(() => pythonJson(Symbol('a'))).toThrow(TypeError);
  });
  it('is read back by any JSON reader', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = pythonJson(value);
        expect(/^[\n -~]*$/.test(text)).toBe(true);
        expect(JSON.parse(text)).toEqual(value);
      }),
      { seed: 7, numRuns: 500 },
    );
  });
});

describe('parsePythonJson', () => {
  it('finds the floats, so that the text can be written again', () => {
    const text =
      '{\n  "a": 1.0,\n  "b": [\n    1,\n    2.0\n  ],\n  "c": {\n    "d/e": 1e+16,\n    "f": Infinity\n  },\n  "g": 3\n}';
    const { value, floats } = valueOf(parsePythonJson(text, 'f'));
    expect([...floats]).toEqual(['a', 'b/1', 'c/d/e']);
    expect(pythonJson(value, floats)).toBe(text);
  });
  it('undoes pythonJson, and pythonJson undoes it', () => {
    const leaf = fc.oneof(fc.string({ unit: 'binary' }), fc.double(), fc.integer(), fc.boolean(), fc.constant(null));
    // Paths are joined by '/', so keys with one could be taken for each other.
    const key = fc.string({ unit: 'grapheme' }).map((k) => k.replaceAll('/', ''));
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie('tree'), { maxLength: 4 }),
        fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(fc.record({ a: tree, b: tree, c: tree }), fc.subarray(['a', 'b', 'a/0', 'c/0']), (value, floats) => {
        const text = pythonJson(value, new Set(floats));
        const parsed = valueOf(parsePythonJson(text, 'f'));
        expect(pythonJson(parsed.value, parsed.floats)).toBe(text);
      }),
      { seed: 7, numRuns: 500 },
    );
  });
  it('keeps the problems of the text', () => {
    expect(problemsOf(parsePythonJson('{"a":1,"a":2}', 'f'))).toHaveLength(1);
  });
});

/**
 * JSON as Python's `json.dumps(value, indent=2, sort_keys=True)` spells it, so that files written here equal PEFT's byte for byte.
 */
import { compareCodePoints } from './code-points.js';

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\f': '\\f',
  '\b': '\\b',
};

/** A string literal in ASCII; characters beyond the basic plane become two escapes. */
const stringLiteral = (s: string): string =>
  `"${s.replace(/["\\]|[^ -~]/g, (c) => SHORT_ESCAPES[c] ?? `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`;

/**
 * `repr` of a Python float: the shortest digits that read back, with an exponent of two digits or more outside of
 * 1e-4 <= |x| < 1e16, and `.0` on whole numbers.
 */
export const pythonFloat = (x: number): string => {
  if (Number.isNaN(x)) return 'NaN';
  if (!Number.isFinite(x)) return x > 0 ? 'Infinity' : '-Infinity';
  if (x === 0) return Object.is(x, -0) ? '-0.0' : '0.0';
  const [digits = '', exponent = '0'] = x.toExponential().split('e');
  const e = Number(exponent);
  if (e < -4 || e >= 16) return `${digits}e${e < 0 ? '-' : '+'}${String(Math.abs(e)).padStart(2, '0')}`;
  // JavaScript writes plain decimals from 1e-6 to 1e21, which covers the rest.
  const plain = String(x);
  return plain.includes('.') ? plain : `${plain}.0`;
};

/** A number of a field that may be an integer: whole numbers in full, as Python's int, all others as floats. */
const numberLiteral = (x: number): string =>
  Number.isInteger(x) && !Object.is(x, -0) ? BigInt(x).toString() : pythonFloat(x);

const block = (open: string, close: string, items: ReadonlyArray<string>, indent: string): string =>
  items.length === 0 ? open + close : `${open}\n${items.map((i) => `${indent}  ${i}`).join(',\n')}\n${indent}${close}`;

/**
 * The text that `json.dumps(value, indent=2, sort_keys=True)` gives, without a line break at the end; all of it is ASCII.
 *
 * JavaScript does not tell 1.0 from 1, so `floats` names the fields that hold Python floats: paths of keys and array indices
 * joined by `/` (`lora_dropout`, `kasa_config/beta`), each with everything below it. Throws a TypeError on what JSON cannot
 * hold (undefined, functions, symbols).
 */
export const pythonJson = (value: unknown, floats: ReadonlySet<string> = new Set()): string => {
  const write = (v: unknown, path: string, isFloat: boolean, indent: string): string => {
    const child = (u: unknown, key: string): string => {
      const at = path === '' ? key : `${path}/${key}`;
      return write(u, at, isFloat || floats.has(at), `${indent}  `);
    };
    if (v === null || typeof v === 'boolean') return String(v);
    if (typeof v === 'string') return stringLiteral(v);
    if (typeof v === 'number') return isFloat ? pythonFloat(v) : numberLiteral(v);
    if (typeof v === 'bigint') return v.toString();
    if (typeof v !== 'object')
      throw new TypeError(`JSON cannot hold a ${typeof v} (at ${path === '' ? 'the top' : path})`);
    if (Array.isArray(v))
      return block(
        '[',
        ']',
        v.map((u, i) => child(u, String(i))),
        indent,
      );
    const record = v as Readonly<Record<string, unknown>>;
    const items = Object.keys(record)
      .toSorted(compareCodePoints)
      .map((k) => `${stringLiteral(k)}: ${child(record[k], k)}`);
    return block('{', '}', items, indent);
  };
  return write(value, '', floats.has(''), '');
};

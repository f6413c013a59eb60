import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headerOf } from '../../../src/io/safetensors/file.js';
import { headerBytes, serialize, type RawTensor } from '../../../src/io/safetensors/write.js';
import { bitsOf, checkedByteLength, DTYPES } from '../../../src/ops/dtype.js';
import { problemsOf, valueOf } from '../result.js';

const raw = (dtype: RawTensor['dtype'], shape: ReadonlyArray<number>, fill = 0): RawTensor => ({
  dtype,
  shape,
  bytes: new Uint8Array(checkedByteLength(dtype, shape) ?? 0).fill(fill),
});

const textOf = (file: Uint8Array): string => {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  return new TextDecoder().decode(file.subarray(8, 8 + length));
};

describe('serialize', () => {
  it('writes the bytes of the reference', () => {
    const bytes = new Uint8Array(Float32Array.of(0, 1, 2, 3, 4, 5).buffer);
    const file = valueOf(serialize(new Map([['attn.0', { dtype: 'F32', shape: [1, 2, 3], bytes }]])));
    const header = '{"attn.0":{"dtype":"F32","shape":[1,2,3],"data_offsets":[0,24]}}';
    expect(Array.from(file)).toEqual([64, 0, 0, 0, 0, 0, 0, 0, ...new TextEncoder().encode(header), ...bytes]);
  });
  it('pads the header with spaces to 8 bytes', () => {
    const file = valueOf(serialize(new Map([['attn.0', raw('F4', [1, 2], 9)]])));
    expect(textOf(file)).toBe('{"attn.0":{"dtype":"F4","shape":[1,2],"data_offsets":[0,1]}}    ');
    expect(file.at(-1)).toBe(9);
    expect(textOf(valueOf(serialize(new Map())))).toBe('{}      ');
  });
  it('puts wide dtypes first and names in order of code points', () => {
    const tensors = new Map<string, RawTensor>([
      ['b', raw('F16', [1])],
      ['i', raw('I64', [1])],
      ['\ud83d\ude00', raw('F32', [1])],
      ['\uffee', raw('F32', [1])],
      ['a', raw('BF16', [1])],
      ['B', raw('F16', [1])],
      ['q', raw('BOOL', [1])],
      ['d', raw('F64', [1])],
    ]);
    const header = valueOf(headerOf(valueOf(serialize(tensors))));
    expect([...header.tensors.keys()]).toEqual(['i', 'd', '\uffee', '\ud83d\ude00', 'a', 'B', 'b', 'q']);
  });
  it('puts metadata first and escapes strings as serde_json does', () => {
    const metadata = new Map([['k"\\/\b\f\n\r\t\u0001\u007f\u2028', '\u00e9\ud83d\ude00']]);
    const text = textOf(valueOf(serialize(new Map([['a', raw('U8', [1])]]), metadata)));
    expect(text.trimEnd()).toBe(
      '{"__metadata__":{"k\\"\\\\/\\b\\f\\n\\r\\t\\u0001\u007f\u2028":"\u00e9\ud83d\ude00"},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
    );
    expect(textOf(valueOf(serialize(new Map(), new Map())))).toBe('{"__metadata__":{}}     ');
  });
  it('refuses what no reader would take, all at once', () => {
    const tensors = new Map<string, RawTensor>([
      ['__metadata__', raw('U8', [1])],
      ['\ud800', raw('U8', [1])],
      ['packed', raw('F4', [3])],
      ['negative', raw('U8', [-1])],
      ['huge', raw('U8', [2 ** 30, 2 ** 30])],
    ]);
    expect(problemsOf(serialize(tensors, new Map([['k', '\udc00']])))).toHaveLength(6);
    expect(problemsOf(serialize(new Map(), new Map([['k', '\udc00']])))).toHaveLength(1);
  });
  it('refuses bytes that are not those of the shape', () => {
    const wrong = new Map<string, RawTensor>([
      ['a', { dtype: 'F32', shape: [2], bytes: new Uint8Array(7) }],
      ['b', { dtype: 'F32', shape: [2], bytes: new Uint8Array(9) }],
    ]);
    expect(problemsOf(serialize(wrong, undefined, 'out'))).toEqual([
      'out: a: expected 8 bytes for F32 [2], found 7 bytes',
      'out: b: expected 8 bytes for F32 [2], found 9 bytes',
    ]);
  });
  it('refuses a header above the limit of readers', () => {
    expect(problemsOf(headerBytes(new Map(), new Map([['k', 'a'.repeat(100_000_000)]])))[0]).toContain(
      'at most 100000000',
    );
  });
});

describe('round trips', () => {
  const name = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 12 }),
    fc.constantFrom('__proto__', 'constructor', 'toString', '', '0', '1', 'model.layers.0.weight', '\u0000', '\u2028'),
  );
  const tensor = fc
    .tuple(fc.constantFrom(...DTYPES), fc.array(fc.nat(4), { maxLength: 3 }), fc.nat(255))
    .map(([dtype, shape, fill]) => raw(dtype, bitsOf(dtype) < 8 ? [...shape, 4] : shape, fill));
  const tensors = fc.array(fc.tuple(name, tensor), { maxLength: 6 }).map((entries) => new Map(entries));
  const metadata = fc.option(
    fc
      .array(fc.tuple(fc.string({ unit: 'grapheme', minLength: 1 }), fc.string({ unit: 'binary' })), { maxLength: 3 })
      .map(
        // Numeric keys come back in another order, which the format leaves to chance.
        (entries) => new Map(entries.filter(([k]) => !/^[0-9]+$/.test(k))),
      ),
    { nil: undefined },
  );

  it('reads what it wrote, and writes the same bytes from what it read', () => {
    fc.assert(
      fc.property(tensors, metadata, (written, strings) => {
        const file = valueOf(serialize(written, strings));
        const header = valueOf(headerOf(file));
        expect(header.metadata).toEqual(strings);
        const read = new Map(
          [...header.tensors].map(([k, { dtype, shape, begin, end }]) => [
            k,
            { dtype, shape, bytes: file.subarray(header.dataStart + begin, header.dataStart + end) },
          ]),
        );
        expect(new Map([...read].toSorted())).toEqual(new Map([...written].toSorted()));
        expect(valueOf(serialize(read, header.metadata))).toEqual(file);
        expect(header.dataStart % 8).toBe(0);
      }),
      { seed: 7, numRuns: 300 },
    );
  });
  it('does not depend on the order of the tensors', () => {
    fc.assert(
      fc.property(tensors, (written) => {
        expect(serialize(new Map([...written].toReversed()))).toEqual(serialize(written));
      }),
      { seed: 7 },
    );
  });
  it('describes in headerBytes the file that serialize writes', () => {
    fc.assert(
      fc.property(tensors, metadata, (written, strings) => {
        const file = valueOf(serialize(written, strings));
        const { bytes, header } = valueOf(headerBytes(written, strings));
        expect(file.subarray(0, bytes.length)).toEqual(bytes);
        expect(header).toEqual(valueOf(headerOf(file)));
      }),
      { seed: 7 },
    );
  });
});

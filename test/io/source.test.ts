import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sourceOfBlob, sourceOfBytes, sourceOfFile, type ByteSource } from '../../src/io/source.js';
import { temporaryFolder } from './folder.js';
import { problemsOf, valueOf } from './result.js';

const bytes = Uint8Array.of(0, 1, 2, 3, 4);
const file = async (): Promise<ByteSource> => {
  const path = join(temporaryFolder(), 'a');
  writeFileSync(path, bytes);
  return valueOf(await sourceOfFile(path));
};

describe.each<readonly [string, () => ByteSource | Promise<ByteSource>]>([
  ['bytes', () => sourceOfBytes(bytes)],
  ['a view of bytes', () => sourceOfBytes(new Uint8Array([9, ...bytes, 9]).subarray(1, 6))],
  ['a blob', () => sourceOfBlob(new Blob([bytes]))],
  ['a file', file],
])('a source of %s', (_, open) => {
  it('reads ranges in any order, into memory that is given or its own', async () => {
    const source = await open();
    expect(source.size).toBe(5);
    expect(Array.from(valueOf(await source.read(3, 2)))).toEqual([3, 4]);
    expect(Array.from(valueOf(await source.read(0, 5)))).toEqual([0, 1, 2, 3, 4]);
    expect(Array.from(valueOf(await source.read(5, 0)))).toEqual([]);
    const into = new Uint8Array(2);
    expect(valueOf(await source.read(1, 2, into))).toBe(into);
    expect(Array.from(into)).toEqual([1, 2]);
    await source.close();
  });
  it('refuses ranges outside', async () => {
    const source = await open();
    for (const [offset, length] of [
      [4, 2],
      [6, 0],
      [-1, 1],
      [0, -1],
      [0.5, 1],
    ] as const) {
      expect(problemsOf(await source.read(offset, length))).toHaveLength(1);
    }
    await expect(source.read(0, 2, new Uint8Array(3))).rejects.toThrow(RangeError);
    await source.close();
  });
});

it('is called what the file is called', () => {
  expect(sourceOfBlob(new Blob([])).name).toBe('blob');
  expect(sourceOfBlob(Object.assign(new Blob([]), { name: 'model.safetensors' })).name).toBe('model.safetensors');
  expect(sourceOfBlob(new Blob([]), 'other').name).toBe('other');
});

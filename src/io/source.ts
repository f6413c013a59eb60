/**
 * Sources of bytes: memory, a browser's File, a file on disk.
 */
import { openFile } from '#fs';
import { E } from '../fp.js';
import { fail, type Result } from '../problem.js';
import { checkedRange, type ByteSource } from './byte-source.js';

export type { ByteSource } from './byte-source.js';

/** Bytes in memory; reads are views of them unless `into` is given. */
export const sourceOfBytes = (bytes: Uint8Array, name = 'memory'): ByteSource => {
  const self = { name, size: bytes.length };
  return {
    ...self,
    read: async (offset, length, into) => {
      const range = checkedRange(self, offset, length, into);
      if (E.isLeft(range)) return range;
      const view = bytes.subarray(offset, offset + length);
      if (into === undefined) return E.right(view);
      into.set(view);
      return E.right(into);
    },
    close: async () => undefined,
  };
};

/** A Blob, or a File that a person chose; `name` defaults to the File's. Reads fail when the file changed since. */
export const sourceOfBlob = (blob: Blob, name?: string): ByteSource => {
  const self = { name: name ?? ('name' in blob ? String(blob.name) : 'blob'), size: blob.size };
  return {
    ...self,
    read: async (offset, length, into) => {
      const range = checkedRange(self, offset, length, into);
      if (E.isLeft(range)) return range;
      try {
        const bytes = new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
        if (into === undefined) return E.right(bytes);
        into.set(bytes);
        return E.right(into);
      } catch (error) {
        if (!(error instanceof DOMException)) throw error;
        return fail(self.name, 'a readable file', error.message, 'the file may have changed since it was chosen');
      }
    },
    close: async () => undefined,
  };
};

/** A file on disk, read in place (Node). */
export const sourceOfFile = (path: string): Promise<Result<ByteSource>> => openFile(path);

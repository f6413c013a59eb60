/**
 * A writer whose files stay in memory: merging in browsers and in tests.
 */
import { E } from '../../fp.js';
import { fail, type Result } from '../../problem.js';
import type { FileWriter, Writer } from '../file-system.js';

const joined = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  parts.reduce((at, p) => (out.set(p, at), at + p.length), 0);
  return out;
};

/** A writer and the files that were written to it; those in folders have the folder's name and a slash before theirs. */
export const memoryWriter = (): { readonly writer: Writer; readonly files: ReadonlyMap<string, Uint8Array> } => {
  const files = new Map<string, Uint8Array>();
  return { files, writer: writerTo(files, '') };
};

const writerTo = (files: Map<string, Uint8Array>, prefix: string): Writer => ({
  create: async (name) => createIn(files, prefix + name),
  writeFile: async (name, content) => {
    files.set(prefix + name, typeof content === 'string' ? new TextEncoder().encode(content) : content);
    return E.right(undefined);
  },
  copyFile: async (from) => fail(from, 'a writer with a file system', 'one in memory'),
  folder: async (name) => E.right(writerTo(files, `${prefix}${name}/`)),
});

const createIn = (files: Map<string, Uint8Array>, name: string): Result<FileWriter> => {
  if (files.has(name)) return fail(name, 'a new file', 'one that is already written');
  files.set(name, new Uint8Array());
  const parts: Uint8Array[] = [];
  return E.right({
    path: name,
    // a copy: the caller may reuse its buffer, and a Buffer's own slice would share it
    write: async (bytes) => (parts.push(new Uint8Array(bytes)), E.right(undefined)),
    close: async () => {
      const all = joined(parts);
      files.set(name, all);
      return E.right(all.length);
    },
  });
};

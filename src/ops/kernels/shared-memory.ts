/**
 * WebAssembly modules made to work on shared memory, by what their binary says of it: tfjs's own build for threads starts eight of them
 * and uses none, and its usual build keeps its memory for itself.
 */

/** Sections of a module, by the WebAssembly specification (binary format, modules). */
const IMPORTS = 2;
const MEMORIES = 5;

/** Kinds of imports. */
const MEMORY_IMPORT = 2;

/** Flags of limits. */
const HAS_MAXIMUM = 1;
const SHARED = 2;

/** Pages of 64 KiB of a memory of 4 GiB, which 32 bit addresses end at: shared memories have to state a bound. */
const MOST_PAGES = 65536;

/** Bytes in front of the first section: a magic number and a version. */
const HEADER = 8;

/** An unsigned LEB128 number, and where it ends. */
const numberAt = (bytes: Uint8Array, at: number): readonly [value: number, end: number] => {
  let [value, factor, end] = [0, 1, at];
  for (; ; factor *= 128) {
    const byte = bytes[end++];
    if (byte === undefined) throw new RangeError('a WebAssembly module that ends early');
    value += (byte & 127) * factor;
    if (byte < 128) return [value, end];
  }
};

const encoded = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) + 128, ...encoded(Math.floor(value / 128))];

/** Limits of a memory at a place, as those of a shared one, and where they end. */
const sharedLimits = (bytes: Uint8Array, at: number): readonly [limits: number[], end: number] => {
  const [flags, first] = numberAt(bytes, at);
  const [least, second] = numberAt(bytes, first);
  const bounded = (flags & HAS_MAXIMUM) !== 0;
  const [most, end] = bounded ? numberAt(bytes, second) : [MOST_PAGES, second];
  return [[HAS_MAXIMUM | SHARED, ...encoded(least), ...encoded(most)], end];
};

/** Where the limits of the only memory begin in a section with memories or imports; undefined where there are none. */
const limitsIn = (bytes: Uint8Array, section: number, from: number): number | undefined => {
  const [count, first] = numberAt(bytes, from);
  if (section === MEMORIES) return count === 1 ? first : undefined;
  let at = first;
  const skipName = (): void => {
    const [length, begin] = numberAt(bytes, at);
    at = begin + length;
  };
  for (let i = 0; i < count; i++) {
    skipName();
    skipName();
    const kind = bytes[at++];
    if (kind === MEMORY_IMPORT) return at;
    // a function: the index of its type; modules that share a memory import no tables and globals in front of it
    if (kind !== 0) return undefined;
    at = numberAt(bytes, at)[1];
  }
  return undefined;
};

/**
 * A module with its memory, own or imported, declared as shared; undefined where it has none that can be.
 *
 * @param bytes a valid module
 */
export const withSharedMemory = (bytes: Uint8Array): Uint8Array<ArrayBuffer> | undefined => {
  for (let at = HEADER; at < bytes.length;) {
    const section = bytes[at] as number;
    const [length, from] = numberAt(bytes, at + 1);
    const limits = section === IMPORTS || section === MEMORIES ? limitsIn(bytes, section, from) : undefined;
    if (limits !== undefined) {
      const [shared, end] = sharedLimits(bytes, limits);
      const content = [...bytes.subarray(from, limits), ...shared, ...bytes.subarray(end, from + length)];
      const parts = [bytes.subarray(0, at + 1), encoded(content.length), content, bytes.subarray(from + length)];
      const module = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
      parts.reduce((to, part) => (module.set(part, to), to + part.length), 0);
      return module;
    }
    at = from + length;
  }
  return undefined;
};

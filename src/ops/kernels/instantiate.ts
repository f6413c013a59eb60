/**
 * Modules of kernels/, embedded as base64: no file is looked for, in Node or in browsers.
 */
import { withSharedMemory } from './shared-memory.js';

const bytesOf = (base64: string): Uint8Array<ArrayBuffer> => {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
};

/** Whether this engine runs a module; false where WebAssembly is missing. */
export const runs = (base64: string): boolean =>
  typeof WebAssembly !== 'undefined' && WebAssembly.validate(bytesOf(base64));

/** Whether threads share a memory. */
export const isShared = (memory: WebAssembly.Memory): boolean =>
  typeof SharedArrayBuffer !== 'undefined' && memory.buffer instanceof SharedArrayBuffer;

const compiled = new Map<string, Promise<WebAssembly.Module>>();

/** A module, declared for a shared memory where it is to import one. */
const compile = (base64: string, shared: boolean): Promise<WebAssembly.Module> => {
  const bytes = bytesOf(base64);
  return WebAssembly.compile((shared ? withSharedMemory(bytes) : undefined) ?? bytes);
};

/**
 * A new instance of a module, which is compiled once; undefined where WebAssembly or its SIMD instructions are missing.
 *
 * @param base64 the module
 * @param memory what it imports; undefined for modules that have a memory of their own
 */
export const instantiate = async (
  base64: string,
  memory?: WebAssembly.Memory,
): Promise<WebAssembly.Exports | undefined> => {
  if (!runs(base64)) return undefined;
  const shared = memory !== undefined && isShared(memory);
  const key = `${shared ? 'shared ' : ''}${base64}`;
  const known = compiled.get(key) ?? compile(base64, shared);
  compiled.set(key, known);
  const imports: WebAssembly.Imports = memory === undefined ? {} : { env: { memory } };
  return (await WebAssembly.instantiate(await known, imports)).exports;
};

const compiledNow = new Map<string, WebAssembly.Module>();

/**
 * The same at once, for what cannot wait: browsers allow it for small modules.
 *
 * @param base64 the module; it imports nothing
 */
export const instantiateNow = (base64: string): WebAssembly.Exports | undefined => {
  const known = compiledNow.get(base64);
  if (known === undefined && !runs(base64)) return undefined;
  const module = known ?? new WebAssembly.Module(bytesOf(base64));
  compiledNow.set(base64, module);
  return new WebAssembly.Instance(module).exports;
};

/**
 * Modules of kernels/, embedded as base64: no file is looked for, in Node or in browsers.
 */

const compiled = new Map<string, Promise<WebAssembly.Module | undefined>>();

const compile = async (base64: string): Promise<WebAssembly.Module | undefined> => {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  return WebAssembly.validate(bytes) ? WebAssembly.compile(bytes) : undefined;
};

/**
 * A new instance of a module, which is compiled once; undefined where WebAssembly or its SIMD instructions are missing.
 *
 * @param base64 the module; it imports nothing
 */
export const instantiate = async (base64: string): Promise<WebAssembly.Exports | undefined> => {
  if (typeof WebAssembly === 'undefined') return undefined;
  const known = compiled.get(base64) ?? compile(base64);
  compiled.set(base64, known);
  const module = await known;
  return module === undefined ? undefined : (await WebAssembly.instantiate(module)).exports;
};

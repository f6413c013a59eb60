/**
 * Modules of kernels/, embedded as base64: no file is looked for, in Node or in browsers.
 */

const bytesOf = (base64: string): Uint8Array<ArrayBuffer> => {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
};

/** Whether this engine runs a module; false where WebAssembly is missing. */
export const runs = (base64: string): boolean =>
  typeof WebAssembly !== 'undefined' && WebAssembly.validate(bytesOf(base64));

const compiled = new Map<string, Promise<WebAssembly.Module>>();

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
  const known = compiled.get(base64) ?? WebAssembly.compile(bytesOf(base64));
  compiled.set(base64, known);
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

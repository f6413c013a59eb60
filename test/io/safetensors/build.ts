/**
 * Safetensors files built by hand, valid or not.
 */

/** A file from its header's text or bytes and its data; `length` overrides the header's true length. */
export const buildFile = (
  header: string | Uint8Array,
  data: Uint8Array | number = 0,
  length?: number | bigint,
): Uint8Array => {
  const json = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const body = typeof data === 'number' ? new Uint8Array(data) : data;
  const file = new Uint8Array(8 + json.length + body.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(length ?? json.length), true);
  file.set(json, 8);
  file.set(body, 8 + json.length);
  return file;
};

/** Header entry of a tensor. */
export const entry = (dtype: string, shape: ReadonlyArray<unknown>, begin: number, end: number): string =>
  JSON.stringify({ dtype, shape, data_offsets: [begin, end] });

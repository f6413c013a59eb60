/**
 * Tensors whose bytes stay in their file.
 */
import { readNow } from '#fs';
import { E } from '../fp.js';
import { renderProblems } from '../problem.js';
import type { Checkpoint } from './checkpoint.js';
import type { RawTensor } from './safetensors/write.js';

/**
 * The tensors of a checkpoint whose one file lies at a path; their bytes are read one after the other into the same memory.
 *
 * Asking for bytes throws where the file no longer has them.
 */
export const tensorsInFile = (checkpoint: Checkpoint, path: string): ReadonlyMap<string, RawTensor> => {
  let place = new Uint8Array();
  const read = (offset: number, length: number): Uint8Array => {
    if (place.length < length) place = new Uint8Array(length);
    const bytes = readNow(path, offset, place.subarray(0, length));
    if (E.isLeft(bytes)) throw new Error(renderProblems(bytes.left));
    return bytes.right;
  };
  return new Map(
    [...checkpoint.tensors].map(([name, { dtype, shape, offset, byteLength }]) => [
      name,
      {
        dtype,
        shape,
        inFile: true,
        get bytes() {
          return read(offset, byteLength);
        },
      },
    ]),
  );
};

/**
 * What a set of tensors at rest amounts to.
 */
import type { Checkpoint } from '../../io/checkpoint.js';
import type { TensorType } from '../../io/safetensors/write.js';
import { byteLength } from '../../ops/dtype.js';
import { sizeOf } from '../../ops/tensor.js';
import { showBytes, showCount, showMany } from '../quantities.js';

/** Sums over some tensors. */
export interface Amount {
  readonly tensors: number;
  readonly parameters: number;
  readonly bytes: number;
}

/** Sums over all tensors and by dtype. */
export interface Amounts extends Amount {
  readonly dtypes: Readonly<Record<string, Amount>>;
}

const none: Amount = { tensors: 0, parameters: 0, bytes: 0 };

const plus = (a: Amount, { dtype, shape }: TensorType): Amount => ({
  tensors: a.tensors + 1,
  parameters: a.parameters + sizeOf(shape),
  bytes: a.bytes + byteLength(dtype, shape),
});

/** Counts tensors, elements and bytes. */
export const amountsOf = (tensors: Iterable<TensorType>): Amounts => {
  const list = [...tensors];
  const dtypes = [...new Set(list.map((t) => t.dtype))].toSorted();
  return {
    ...list.reduce(plus, none),
    dtypes: Object.fromEntries(dtypes.map((d) => [d, list.filter((t) => t.dtype === d).reduce(plus, none)])),
  };
};

/** `1,234 in 12 tensors`. */
export const showParameters = (a: Amount): string => `${showCount(a.parameters)} in ${showMany(a.tensors, 'tensor')}`;

/** `F32`, or each dtype with its part: `BF16 (10 tensors), F32 (2 tensors)`. */
export const showDtypes = ({ dtypes }: Amounts): string => {
  const names = Object.keys(dtypes);
  return names.length === 1
    ? (names[0] as string)
    : names.map((d) => `${d} (${showMany((dtypes[d] as Amount).tensors, 'tensor')})`).join(', ');
};

/** The files of a checkpoint with their sizes. */
export const filesOf = ({ files }: Checkpoint): ReadonlyArray<{ readonly name: string; readonly bytes: number }> =>
  [...files.values()].map(({ name, source }) => ({ name, bytes: source.size }));

/** `model.safetensors (1.2 GB)`, or `3 shards (1.2 GB)`. */
export const showFiles = (checkpoint: Checkpoint): string => {
  const files = filesOf(checkpoint);
  const bytes = showBytes(files.reduce((n, f) => n + f.bytes, 0));
  return files.length === 1 ? `${files[0]?.name} (${bytes})` : `${files.length} shards (${bytes})`;
};

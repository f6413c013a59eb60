/**
 * Kernels of the wasm backend that only move elements, as copies of rows on its heap.
 *
 * The stock kernels of tfjs 4.22 take about 40 ns an element where rows are gathered or padded and 8 where narrow ones are sliced
 * or joined, and a slice or split first copies its whole input: all of them lie on the path of a training step.
 */
import { backend_util, slice_util, util } from '@tensorflow/tfjs-core';
import type { KernelConfig, TensorInfo, TypedArray } from '@tensorflow/tfjs-core';
import { sizeOf, type Shape } from '../tensor.js';
import { copyBox, copyRow, copyRows, type CopyRows, type Corner } from './copy-box.js';
import { elementsOf } from './wasm-elements.js';
import { heapOf, type WasmHeap } from './wasm-heap.js';

type Args = Parameters<KernelConfig['kernelFunc']>[0];

/** Whether the heap holds an input's values as numbers. */
const isNumeric = ({ dtype }: TensorInfo): boolean => dtype === 'float32' || dtype === 'int32' || dtype === 'bool';

/** The kernel `mend` in place of `stock`, which is left what `mend` does not know. */
const mended =
  (mend: (heap: WasmHeap, args: Args) => TensorInfo | TensorInfo[] | undefined) =>
  (stock: KernelConfig): KernelConfig => ({
    ...stock,
    kernelFunc: (args) => {
      const heap = heapOf(args.backend);
      const known = Object.values(args.inputs).every((x) => x !== undefined && isNumeric(x));
      return (heap !== undefined && known ? mend(heap, args) : undefined) ?? stock.kernelFunc(args);
    },
  });

const input = (args: Args, name: string): TensorInfo => args.inputs[name] as TensorInfo;

const cornerOf = (heap: WasmHeap, x: TensorInfo, begin: Shape): Corner => ({
  values: heap.typedArrayFromHeap(x),
  shape: x.shape,
  begin,
});

/** Copies rows between arrays on the heap, by the kernel where it is there. */
const rowsOn = (heap: WasmHeap): CopyRows => {
  const elements = elementsOf(heap);
  if (elements === undefined) return copyRows;
  return (from, f, fStep, to, t, tStep, n, count) => {
    const bytes = from.BYTES_PER_ELEMENT;
    const [source, target] = [from.byteOffset + f * bytes, to.byteOffset + t * bytes];
    elements.copyRows(source, fStep * bytes, target, tStep * bytes, n * bytes, count);
  };
};

const zerosOf = (shape: Shape): Shape => shape.map(() => 0);

/**
 * `y[b, o, j, :] = x[b, o, ids[b, j], :]`, with b the batch axes and o those between them and the gathered one.
 *
 * @throws RangeError for an index outside of the axis
 */
export const gather = mended((heap, args) => {
  const [x, indices] = [input(args, 'x'), input(args, 'indices')];
  const { axis, batchDims } = args.attrs as unknown as { readonly axis: number; readonly batchDims: number };
  const parsed = util.parseAxisParam(axis, x.shape)[0] as number;
  type Info = Parameters<typeof backend_util.segment_util.collectGatherOpShapeInfo>;
  const { batchSize, outerSize, dimSize, sliceSize, outputShape } = backend_util.segment_util.collectGatherOpShapeInfo(
    x as Info[0],
    indices as Info[1],
    parsed,
    batchDims,
  );
  const out = heap.makeOutput(outputShape, x.dtype);
  const [from, ids, to] = [x, indices, out].map(heap.typedArrayFromHeap.bind(heap)) as [
    Float32Array,
    Int32Array,
    Float32Array,
  ];
  const wrong = ids.findIndex((id) => id < 0 || id >= dimSize);
  if (wrong >= 0) {
    heap.disposeData(out.dataId);
    throw new RangeError(`gather: index ${ids[wrong]} is not in [0, ${dimSize})`);
  }
  const count = batchSize === 0 ? 0 : ids.length / batchSize;
  let target = 0;
  for (let row = 0; row < batchSize * outerSize; row++) {
    const first = Math.floor(row / outerSize) * count;
    for (let i = first; i < first + count; i++, target += sliceSize)
      copyRow(from, (row * dimSize + (ids[i] as number)) * sliceSize, to, target, sliceSize);
  }
  return out;
});

const boxOf = (heap: WasmHeap, x: TensorInfo, begin: Shape, size: number[]): TensorInfo => {
  const out = heap.makeOutput(size, x.dtype);
  copyBox(cornerOf(heap, x, begin), cornerOf(heap, out, zerosOf(size)), size, rowsOn(heap));
  return out;
};

/** A box of x. */
export const slice = mended((heap, args) => {
  const x = input(args, 'x');
  const at = args.attrs as unknown as { readonly begin: number | number[]; readonly size: number | number[] };
  type Parsed = Parameters<typeof slice_util.parseSliceParams>[0];
  const [begin, size] = slice_util.parseSliceParams(x as Parsed, at.begin, at.size) as [number[], number[]];
  slice_util.assertParamsValid(x as Parsed, begin, size);
  return boxOf(heap, x, begin, size);
});

/** x in parts along an axis: so many equal ones, or ones of given sizes. */
export const split = mended((heap, args) => {
  const x = input(args, 'x');
  const at = args.attrs as unknown as { readonly numOrSizeSplits: number | number[]; readonly axis: number };
  const axis = util.parseAxisParam(at.axis, x.shape)[0] as number;
  type Whole = Parameters<typeof backend_util.prepareSplitSize>[0];
  const sizes = backend_util.prepareSplitSize(x as Whole, at.numOrSizeSplits, axis);
  return sizes.map((n, part) => {
    const start = sizes.slice(0, part).reduce((sum, m) => sum + m, 0);
    const along = (shape: Shape, value: number): number[] => shape.map((d, i) => (i === axis ? value : d));
    return boxOf(heap, x, along(zerosOf(x.shape), start), along(x.shape, n));
  });
});

/** x with a constant around it. */
export const pad = mended((heap, args) => {
  const x = input(args, 'x');
  const { paddings, constantValue } = args.attrs as unknown as {
    readonly paddings: ReadonlyArray<readonly [before: number, after: number]>;
    readonly constantValue: number;
  };
  const shape = x.shape.map((n, i) => n + (paddings[i]?.[0] ?? 0) + (paddings[i]?.[1] ?? 0));
  const out = heap.makeOutput(shape, x.dtype);
  heap.typedArrayFromHeap(out).fill(constantValue);
  const begin = x.shape.map((_, i) => paddings[i]?.[0] ?? 0);
  copyBox(cornerOf(heap, x, zerosOf(x.shape)), cornerOf(heap, out, begin), x.shape, rowsOn(heap));
  return out;
});

/** x as often as `reps` says along each axis. tf.broadcastTo is this kernel too. */
export const tile = mended((heap, args) => {
  const x = input(args, 'x');
  const { reps } = args.attrs as unknown as { readonly reps: Shape };
  const shape = x.shape.map((n, i) => n * (reps[i] ?? 1));
  const out = heap.makeOutput(shape, x.dtype);
  const to = heap.typedArrayFromHeap(out);
  // from the last axis on: rows of what is done so far, each written as often as its axis says
  const whole = x.shape.reduceRight((from: TypedArray, _, axis) => {
    const times = reps[axis] ?? 1;
    const length = sizeOf([...x.shape.slice(axis, axis + 1), ...shape.slice(axis + 1)]);
    if (times === 1 || from.length === 0) return from;
    const next = new (from.constructor as Float32ArrayConstructor)(from.length * times);
    for (let start = 0, at = 0; start < from.length; start += length)
      for (let i = 0; i < times; i++, at += length) copyRow(from, start, next, at, length);
    return next;
  }, heap.typedArrayFromHeap(x));
  to.set(whole);
  return out;
});

/** Tensors of one dtype side by side along an axis. */
export const concat = mended((heap, args) => {
  const inputs = Object.values(args.inputs) as ReadonlyArray<TensorInfo>;
  const [first] = inputs;
  if (first === undefined || inputs.some(({ dtype }) => dtype !== first.dtype)) return undefined;
  const axis = util.parseAxisParam((args.attrs as unknown as { readonly axis: number }).axis, first.shape)[0] as number;
  backend_util.assertParamsConsistent(
    inputs.map(({ shape }) => shape),
    axis,
  );
  const out = heap.makeOutput(
    backend_util.computeOutShape(
      inputs.map(({ shape }) => shape),
      axis,
    ),
    first.dtype,
  );
  inputs
    .filter(({ shape }) => sizeOf(shape) > 0)
    .reduce((start, x) => {
      const begin = zerosOf(x.shape).map((_, i) => (i === axis ? start : 0));
      copyBox(cornerOf(heap, x, zerosOf(x.shape)), cornerOf(heap, out, begin), x.shape, rowsOn(heap));
      return start + (x.shape[axis] as number);
    }, 0);
  return out;
});

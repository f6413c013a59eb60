/**
 * Convolutions in torch's layout on the wasm heap: images as matrices, block by block, and one product for each group.
 *
 * Y = W X for an image, with W [out, c kernel] as it lies and X [c kernel, positions]; where the kernel has one place and sees every
 * position, X is the image itself. tfjs has no kernel for this layout, and its own would transpose both images and filters.
 */
import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import type { ConvAttrs } from '../conv-kernel.js';
import { isPointwise } from '../columns.js';
import { openColumns, type Columns } from '../kernels/columns.js';
import type { Gemm } from '../kernels/gemm-reference.js';
import { sizeOf, type Shape } from '../tensor.js';
import { tf } from '../tf.js';
import { gemmOf } from './wasm-gemm.js';
import { heapOf, memoryOf, placeOf, type WasmHeap } from './wasm-heap.js';

/** Elements of a matrix that is made at once, if a row of positions is not larger: it stays in the cache for its product. */
const BLOCK = 2 ** 16;

/** What a backend convolves with. */
interface Tools {
  readonly heap: WasmHeap;
  readonly gemm: Gemm;
  readonly moves: Columns;
  readonly memory: WebAssembly.Memory;
  /** Where the words of a geometry are put. */
  readonly geometry: number;
}

/** Sizes of a convolution: N images, G groups of c channels in and o channels out, K places in the kernel, S elements in, P out. */
interface Sizes {
  readonly N: number;
  readonly G: number;
  readonly c: number;
  readonly o: number;
  readonly K: number;
  readonly S: number;
  readonly P: number;
}

const sizesOf = (N: number, channels: number, out: number, { axes, positions, groups: G }: ConvAttrs): Sizes => ({
  N,
  G,
  c: channels / G,
  o: out / G,
  K: sizeOf(axes.kernel),
  S: sizeOf(axes.spatial),
  P: sizeOf(positions),
});

/** As three axes: those in front have one element. */
const three = (shape: Shape, one: number): Shape => [...Array<number>(3 - shape.length).fill(one), ...shape];

const describe = ({ memory, geometry }: Tools, { axes, positions }: ConvAttrs): void => {
  const words = [
    three(axes.spatial, 1),
    three(axes.kernel, 1),
    three(axes.stride, 1),
    three(axes.padding, 0),
    three(axes.dilation, 1),
    three(positions, 1),
  ];
  const at = new Int32Array(memory.buffer, geometry, 18);
  for (let axis = 0; axis < 3; axis++) words.forEach((word, which) => (at[6 * axis + which] = word[axis] as number));
};

/** One block of the matrix of one group of one image. */
interface Block {
  /** Where the image's group lies, and the block's matrix, whose rows are `stride` elements apart. */
  readonly image: number;
  readonly matrix: number;
  readonly stride: number;
  /** How many positions it has, and where the first of them and of the group lies in y, and the group's in W. */
  readonly count: number;
  readonly y: number;
  readonly W: number;
  readonly start: number;
  readonly rows: number;
}

/** Visits every block; places of x, y and W are given. `work` runs between making room and freeing it. */
const overBlocks = (
  tools: Tools,
  attrs: ConvAttrs,
  s: Sizes,
  places: () => { readonly x: number; readonly y: number; readonly W: number },
  visit: (block: Block) => void,
): void => {
  const { heap } = tools;
  const n = attrs.positions.at(-1) as number;
  const [depth, lines] = [s.c * s.K, s.P / n];
  const asItLies = isPointwise(attrs.axes, attrs.positions);
  const rows = asItLies ? lines : Math.max(1, Math.min(lines, Math.floor(BLOCK / (depth * n))));
  const room = heap.makeOutput([asItLies ? 1 : depth * rows * n], 'float32');
  const { x, y, W } = places();
  describe(tools, attrs);
  for (let i = 0; i < s.N * s.G; i++) {
    const image = x + 4 * i * s.c * s.S;
    for (let start = 0; start < lines; start += rows) {
      const count = Math.min(rows, lines - start) * n;
      visit({
        image,
        matrix: asItLies ? image : placeOf(heap, room),
        stride: asItLies ? s.P : count,
        count,
        y: y + 4 * (i * s.o * s.P + start * n),
        W: W + 4 * (i % s.G) * s.o * depth,
        start,
        rows: count / n,
      });
    }
  }
  heap.disposeData(room.dataId);
};

type OnHeap = (tools: Tools, inputs: Readonly<Record<string, TensorInfo>>, attrs: ConvAttrs) => TensorInfo;

const zeros = (heap: WasmHeap, shape: Shape): TensorInfo => {
  const out = heap.makeOutput(shape, 'float32');
  heap.typedArrayFromHeap(out).fill(0);
  return out;
};

/** Y = W X. */
const forward: OnHeap = (tools, inputs, attrs) => {
  const { heap, gemm, moves, geometry } = tools;
  const [x, W] = [inputs['x'], inputs['W']] as [TensorInfo, TensorInfo];
  const [N, channels, out] = [x.shape[0], x.shape[1], W.shape[0]] as [number, number, number];
  const y = heap.makeOutput([N, out, ...attrs.positions], 'float32');
  const s = sizesOf(N, channels, out, attrs);
  const k = s.c * s.K;
  const places = () => ({ x: placeOf(heap, x), y: placeOf(heap, y), W: placeOf(heap, W) });
  overBlocks(tools, attrs, s, places, (b) => {
    if (b.matrix !== b.image) moves.columns(geometry, b.image, s.c, b.start, b.rows, b.matrix);
    const X = { at: b.matrix, stride: b.stride, transposed: false };
    gemm({ m: s.o, n: b.count, k }, { at: b.W, stride: k, transposed: false }, X, { at: b.y, stride: s.P }, false);
  });
  return y;
};

/** dX = W^T dY, added up where the elements of X came from. */
const toInput: OnHeap = (tools, inputs, attrs) => {
  const { heap, gemm, moves, geometry } = tools;
  const [dy, W] = [inputs['dy'], inputs['W']] as [TensorInfo, TensorInfo];
  const [N, out, c] = [dy.shape[0], dy.shape[1], W.shape[1]] as [number, number, number];
  const dx = zeros(heap, [N, c * attrs.groups, ...attrs.axes.spatial]);
  const s = sizesOf(N, c * attrs.groups, out, attrs);
  const k = s.c * s.K;
  const places = () => ({ x: placeOf(heap, dx), y: placeOf(heap, dy), W: placeOf(heap, W) });
  overBlocks(tools, attrs, s, places, (b) => {
    const dY = { at: b.y, stride: s.P, transposed: false };
    const X = { at: b.matrix, stride: b.stride };
    gemm({ m: k, n: b.count, k: s.o }, { at: b.W, stride: k, transposed: true }, dY, X, false);
    if (b.matrix !== b.image) moves.images(geometry, b.image, s.c, b.start, b.rows, b.matrix);
  });
  return dx;
};

/** dW = sum of dY X^T over images. */
const toFilter: OnHeap = (tools, inputs, attrs) => {
  const { heap, gemm, moves, geometry } = tools;
  const [x, dy] = [inputs['x'], inputs['dy']] as [TensorInfo, TensorInfo];
  const [N, channels, out] = [x.shape[0], x.shape[1], dy.shape[1]] as [number, number, number];
  const dW = zeros(heap, [out, channels / attrs.groups, ...attrs.axes.kernel]);
  const s = sizesOf(N, channels, out, attrs);
  const k = s.c * s.K;
  const places = () => ({ x: placeOf(heap, x), y: placeOf(heap, dy), W: placeOf(heap, dW) });
  overBlocks(tools, attrs, s, places, (b) => {
    if (b.matrix !== b.image) moves.columns(geometry, b.image, s.c, b.start, b.rows, b.matrix);
    const dY = { at: b.y, stride: s.P, transposed: false };
    const X = { at: b.matrix, stride: b.stride, transposed: true };
    gemm({ m: s.o, n: k, k: b.count }, dY, X, { at: b.W, stride: k }, true);
  });
  return dW;
};

const installed = new WeakMap<object, Pick<Tools, 'moves' | 'memory' | 'geometry'>>();

const kernelOf =
  (run: OnHeap): KernelFunc =>
  ({ inputs, attrs, backend }) => {
    const [heap, gemm, tools] = [heapOf(backend), gemmOf(backend as object), installed.get(backend as object)];
    if (heap === undefined || gemm === undefined || tools === undefined)
      throw new Error('this backend was not started by useBackend');
    const known = inputs as Readonly<Record<string, TensorInfo>>;
    return run({ ...tools, heap, gemm }, known, attrs as unknown as ConvAttrs);
  };

const kernels = { ConvNd: forward, ConvNdInput: toInput, ConvNdFilter: toFilter };

/** Opens the functions on a backend's heap and registers the kernels, which tfjs lacks. */
export const installConv = async (backend: object): Promise<void> => {
  const heap = memoryOf(backend);
  if (heap === undefined || gemmOf(backend) === undefined || installed.has(backend)) return;
  const moves = await openColumns(heap.memory);
  if (moves === undefined) return;
  installed.set(backend, { moves, memory: heap.memory, geometry: heap.allocate(72) });
  Object.entries(kernels).forEach(([kernelName, run]) => {
    if (tf.getKernel(kernelName, 'wasm') === undefined)
      tf.registerKernel({ kernelName, backendName: 'wasm', kernelFunc: kernelOf(run) });
  });
};

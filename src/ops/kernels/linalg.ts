/**
 * Memory for kernels/linalg.ts: a stack of float64 arrays on which its loops run, and where they cannot, plain arrays.
 */
import { instantiateNow } from './instantiate.js';
import { wasm } from './linalg-wasm.js';

/** The functions of kernels/linalg.ts; places and steps are in bytes. */
export interface LinalgExports {
  readonly memory: WebAssembly.Memory;
  readonly heapBase: () => number;
  readonly dot: (x: number, y: number, n: number) => number;
  readonly addScaled: (y: number, c: number, x: number, n: number) => void;
  readonly rotate: (x: number, y: number, c: number, s: number, n: number) => void;
  readonly reflect: (v: number, tau: number, x: number, step: number, count: number, n: number) => void;
  readonly symmetricProduct: (a: number, step: number, n: number, x: number, y: number) => void;
  readonly sweep: (
    rows: number,
    length: number,
    J: number,
    n: number,
    products: number,
    rotated: number,
    tolerance: number,
  ) => void;
  readonly product: (
    single: boolean,
    m: number,
    k: number,
    n: number,
    a: number,
    aRow: number,
    aStep: number,
    b: number,
    bRow: number,
    c: number,
    cRow: number,
  ) => void;
}

/** An instance, its memory as it is now, where free memory begins, and how many work on it. */
interface Heap {
  readonly kernel: LinalgExports;
  buffer: ArrayBuffer;
  top: number;
  users: number;
}

const PAGE = 65_536;

/** Above this much memory plain arrays are taken; 32 bit addresses end at twice that. */
const MOST_BYTES = 2 ** 31;

/** Whether `count` numbers can lie where the kernel works on them. */
export const fits = (count: number): boolean => 8 * count < MOST_BYTES;

/** A larger memory is given back when the work is done: it never shrinks otherwise. */
const KEPT_BYTES = 2 ** 26;

const open = (): Heap | undefined => {
  const kernel = instantiateNow(wasm) as LinalgExports | undefined;
  if (kernel === undefined) return undefined;
  return { kernel, buffer: kernel.memory.buffer, top: Math.ceil(kernel.heapBase() / 16) * 16, users: 0 };
};

const state: { heap?: Heap | undefined } = {};

/** Where WebAssembly is missing or has no SIMD, all arrays are plain ones. */
const current = (): Heap | undefined => {
  if (typeof WebAssembly === 'undefined') return undefined;
  state.heap ??= open();
  return state.heap;
};

/** Makes the memory large enough, if it can be; arrays on it before would be detached. */
const grow = (heap: Heap, end: number): void => {
  const missing = Math.ceil((end - heap.buffer.byteLength) / PAGE);
  if (missing <= 0 || end > MOST_BYTES) return;
  try {
    heap.kernel.memory.grow(missing);
  } catch {
    // what does not fit is computed on plain arrays
  }
  heap.buffer = heap.kernel.memory.buffer;
};

/**
 * Runs `f`, in which `numbers` gives arrays that the kernel works on, `count` entries in all; they must not leave it.
 *
 * Within another call the room is what that one has left: asking for too little costs time only.
 */
export const withRoom = <A>(count: number, f: () => A): A => {
  const heap = current();
  if (heap === undefined) return f();
  const { top } = heap;
  // each array may be moved to a multiple of 16
  if (heap.users === 0) grow(heap, top + 8 * count + 4096);
  heap.users++;
  try {
    return f();
  } finally {
    heap.users--;
    heap.top = top;
    if (heap.users === 0 && heap.buffer.byteLength > KEPT_BYTES) state.heap = undefined;
  }
};

/** n zeros where the kernel can work on them, if there is room. */
export const numbers = (n: number): Float64Array<ArrayBuffer> => {
  const heap = state.heap;
  if (heap === undefined || heap.users === 0 || heap.top + 8 * n > heap.buffer.byteLength) return new Float64Array(n);
  const x = new Float64Array(heap.buffer, heap.top, n);
  heap.top += Math.ceil(n / 2) * 16;
  return x.fill(0);
};

/** The same for float32, of which only a left factor of a product may be. */
export const singles = (n: number): Float32Array<ArrayBuffer> => {
  const heap = state.heap;
  if (heap === undefined || heap.users === 0 || heap.top + 4 * n > heap.buffer.byteLength) return new Float32Array(n);
  const x = new Float32Array(heap.buffer, heap.top, n);
  heap.top += Math.ceil(n / 4) * 16;
  return x;
};

/** The kernel, if these arrays are where it can work on them. */
export const kernelFor = (x: Float64Array | Float32Array, y = x, z = x): LinalgExports | undefined => {
  const heap = state.heap;
  return heap !== undefined && x.buffer === heap.buffer && y.buffer === heap.buffer && z.buffer === heap.buffer
    ? heap.kernel
    : undefined;
};

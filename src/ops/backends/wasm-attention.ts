/**
 * Attention on the wasm heap: tensors as places, and room for the weights of some queries.
 */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { attend, attendGrad, weightsOf, type Attention, type AttentionSizes } from '../kernels/attention.js';
import type { Elements } from '../kernels/elements.js';
import type { Gemm } from '../kernels/gemm-reference.js';
import { sizeOf } from '../tensor.js';
import { gemmOf } from './wasm-gemm.js';
import { placeOf, type WasmHeap } from './wasm-heap.js';

/** What the kernels work with. */
interface Tools {
  readonly e: Elements;
  readonly heap: WasmHeap;
  readonly backend: object;
}

type Inputs = Readonly<Record<string, TensorInfo>>;

type Four = readonly [number, number, number, number];

const info = (inputs: Inputs, name: string): TensorInfo => inputs[name] as TensorInfo;

const sizesOf = (inputs: Inputs): AttentionSizes => {
  const [q, k, v] = ['q', 'k', 'v'].map((name) => info(inputs, name).shape as unknown as Four) as [Four, Four, Four];
  return { B: q[0], H: q[1], G: k[1], S: q[2], T: k[2], d: q[3], e: v[3] };
};

const stepsOf = ({ shape }: TensorInfo): readonly [number, number, number] => {
  const [B, H, S, T] = shape as unknown as Four;
  const of = (n: number, inner: number): number => (n === 1 ? 0 : 4 * inner);
  return [of(B, H * S * T), of(H, S * T), of(S, T)];
};

/** The attention of a kernel's inputs, once all that is needed is allocated. */
const attentionOf = (heap: WasmHeap, inputs: Inputs, attrs: Readonly<Record<string, unknown>>): Attention => {
  const at = (name: string): number => placeOf(heap, info(inputs, name));
  const mask = info(inputs, 'mask');
  return {
    sizes: sizesOf(inputs),
    scale: attrs['scale'] as number,
    q: at('q'),
    k: at('k'),
    v: at('v'),
    // a mask of one element stands for none
    ...(sizeOf(mask.shape) > 1 ? { mask: { at: at('mask'), steps: stepsOf(mask) } } : {}),
  };
};

const gemmOn = (backend: object): Gemm => {
  const gemm = gemmOf(backend);
  if (gemm === undefined) throw new Error('this backend was not started by useBackend');
  return gemm;
};

/** y = softmax(scale Q K^T + M) V as [B, S, H e]. */
export const attention = (
  { e, heap, backend }: Tools,
  inputs: Inputs,
  attrs: Readonly<Record<string, unknown>>,
): TensorInfo => {
  const s = sizesOf(inputs);
  const out = heap.makeOutput([s.B, s.S, s.H * s.e], 'float32');
  const room = heap.makeOutput([weightsOf(s)], 'float32');
  const part = { from: 0, to: s.B * s.G, room: placeOf(heap, room) };
  attend({ e, gemm: gemmOn(backend) }, attentionOf(heap, inputs, attrs), part, placeOf(heap, out));
  heap.disposeData(room.dataId);
  return out;
};

/** dq, dk and dv of dy. */
export const attentionGrad = (
  { e, heap, backend }: Tools,
  inputs: Inputs,
  attrs: Readonly<Record<string, unknown>>,
): TensorInfo[] => {
  const s = sizesOf(inputs);
  const grads = ['q', 'k', 'v'].map((name) => heap.makeOutput(info(inputs, name).shape, 'float32'));
  const room = heap.makeOutput([2, weightsOf(s)], 'float32');
  grads.slice(1).forEach((t) => heap.typedArrayFromHeap(t).fill(0));
  const [dq, dk, dv] = grads.map((t) => placeOf(heap, t)) as [number, number, number];
  const part = { from: 0, to: s.B * s.G, room: placeOf(heap, room) };
  const places = { dy: placeOf(heap, info(inputs, 'dy')), dq, dk, dv };
  attendGrad({ e, gemm: gemmOn(backend) }, attentionOf(heap, inputs, attrs), part, places);
  heap.disposeData(room.dataId);
  return grads;
};

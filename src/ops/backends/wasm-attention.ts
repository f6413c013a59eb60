/**
 * Attention on the wasm heap: tensors as places, and room for the weights of some queries.
 */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { attendGradRoom, attendRoom, type Attention, type AttentionSizes } from '../kernels/attention.js';
import { sizeOf } from '../tensor.js';
import { attentionCut, attentionNumbers } from '../threads/attention.js';
import type { Team } from '../threads/team.js';
import { placeOf, type WasmHeap } from './wasm-heap.js';

/** What the kernels work with. */
interface Tools {
  readonly team: Team;
  readonly heap: WasmHeap;
}

/** Operations for the softmax of a weight, in those of a product. */
const SOFTMAX = 32;

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

/** What a call makes: its name, the numbers that each part has room for, and how often all channels are multiplied. */
interface Call {
  readonly task: 'attend' | 'attendGrad';
  readonly room: (s: AttentionSizes) => number;
  readonly products: number;
}

/** Does a call for all groups, in parts that have room of their own. */
const share = (
  { team, heap }: Tools,
  { task, room: roomOf, products }: Call,
  attention: () => Attention,
  results: ReadonlyArray<TensorInfo>,
  s: AttentionSizes,
): void => {
  const numbers = roomOf(s);
  const room = heap.makeOutput([team.parts, numbers], 'float32');
  const part = { from: 0, to: s.B * s.G, room: placeOf(heap, room) };
  const work = (s.H / s.G) * s.S * s.T * (2 * products * (s.d + s.e) + SOFTMAX);
  const places = results.map((t) => placeOf(heap, t));
  team.share(task, attentionNumbers(attention(), part, places), attentionCut(4 * numbers, work));
  heap.disposeData(room.dataId);
};

/** y = softmax(scale Q K^T + M) V as [B, S, H e]. */
export const attention = (tools: Tools, inputs: Inputs, attrs: Readonly<Record<string, unknown>>): TensorInfo => {
  const s = sizesOf(inputs);
  const out = tools.heap.makeOutput([s.B, s.S, s.H * s.e], 'float32');
  share(
    tools,
    { task: 'attend', room: attendRoom, products: 1 },
    () => attentionOf(tools.heap, inputs, attrs),
    [out],
    s,
  );
  return out;
};

/** dq, dk and dv of dy. */
export const attentionGrad = (tools: Tools, inputs: Inputs, attrs: Readonly<Record<string, unknown>>): TensorInfo[] => {
  const { heap } = tools;
  const grads = ['q', 'k', 'v'].map((name) => heap.makeOutput(info(inputs, name).shape, 'float32'));
  grads.slice(1).forEach((t) => heap.typedArrayFromHeap(t).fill(0));
  const call: Call = { task: 'attendGrad', room: attendGradRoom, products: 2.5 };
  const results = [info(inputs, 'dy'), ...grads];
  share(tools, call, () => attentionOf(heap, inputs, attrs), results, sizesOf(inputs));
  return grads;
};

/**
 * Attention in one memory: scores of some queries at a time, their softmax in place, and the mixture, by products.
 *
 * Keys that a mask hides from all of these queries take no part. Nothing is kept for the gradient, which makes the weights again. Heads that
 * share keys are a group; groups have nothing in common but the mask, and may be computed apart, each part with room of its own.
 */
import type { Elements } from './elements.js';
import type { Factor, Gemm, Place } from './gemm-reference.js';

/** Queries whose weights are made together: few, since they compute weights that a causal mask hides; whole tiles of the products. */
const BLOCK = 48;

/** B sequences, H heads of queries and G of keys, S queries, T keys, d and e channels of keys and values. */
export interface AttentionSizes {
  readonly B: number;
  readonly H: number;
  readonly G: number;
  readonly S: number;
  readonly T: number;
  readonly d: number;
  readonly e: number;
}

/** What is attended to and how: the places of q [B, H, S, d], k [B, G, T, d] and v [B, G, T, e]. */
export interface Attention {
  readonly sizes: AttentionSizes;
  readonly scale: number;
  readonly q: number;
  readonly k: number;
  readonly v: number;
  /** Where a mask lies, if there is one, and the bytes from one sequence, head and query to the next; 0 where it is the same for all. */
  readonly mask?: { readonly at: number; readonly steps: readonly [number, number, number] };
}

/** Functions on the memory. */
export interface Functions {
  readonly e: Elements;
  readonly gemm: Gemm;
}

/** Groups `from` up to `to` of the B G that there are, and the place of the room that they are computed in. */
export interface Part {
  readonly from: number;
  readonly to: number;
  readonly room: number;
}

/** Numbers in the room of a part: the weights of some queries. */
export const weightsOf = ({ S, T }: AttentionSizes): number => Math.min(BLOCK, S) * T;

/** Some queries of one head: where their rows begin, and the keys that they see. */
interface Block {
  readonly rows: number;
  readonly keys: number;
  /** Bytes in front of their queries [B, H, S, d], of their result [B, S, H, e], and of the keys and values of their head. */
  readonly q: number;
  readonly y: number;
  readonly k: number;
  readonly v: number;
  /** Where their rows of the mask lie, and how far apart; 0 where there is none. */
  readonly mask: number;
  readonly step: number;
}

/** How many keys the queries of a place in the mask see: heads and sequences often share them. */
const keysOf = (e: Elements, T: number): ((mask: number, step: number, rows: number) => number) => {
  const seen = new Map<number, number>();
  return (mask, step, rows) => {
    const known = seen.get(mask) ?? (mask === 0 ? T : e.seenKeys(mask, step, step === 0 ? 1 : rows, T));
    seen.set(mask, known);
    return known;
  };
};

/** Visits the blocks of every head of some groups. */
const overBlocks = (
  e: Elements,
  { sizes, mask }: Attention,
  { from, to }: Part,
  visit: (block: Block) => void,
): void => {
  const { H, G, S, T } = sizes;
  const keysAt = keysOf(e, T);
  const [stepB, stepH, step] = mask?.steps ?? [0, 0, 0];
  const heads = H / G;
  for (let head = from * heads; head < to * heads; head++) {
    const [b, h, group] = [Math.floor(head / H), head % H, Math.floor(head / heads)];
    for (let i = 0; i < S; i += BLOCK) {
      const at = mask === undefined ? 0 : mask.at + b * stepB + h * stepH + i * step;
      const rows = Math.min(BLOCK, S - i);
      visit({
        rows,
        keys: keysAt(at, step, rows),
        q: 4 * (head * S + i) * sizes.d,
        y: 4 * ((b * S + i) * H + h) * sizes.e,
        k: 4 * group * T * sizes.d,
        v: 4 * group * T * sizes.e,
        mask: at,
        step,
      });
    }
  }
};

const matrix = (at: number, stride: number, transposed = false): Factor => ({ at, stride, transposed });

const place = (at: number, stride: number): Place => ({ at, stride });

/** Some groups of y = softmax(scale Q K^T + M) V, whose place is that of [B, S, H, e]. */
export const attend = ({ e, gemm }: Functions, attention: Attention, part: Part, y: number): void => {
  const { sizes, scale, q, k, v } = attention;
  const p = part.room;
  overBlocks(e, attention, part, (b) => {
    const n = b.keys;
    gemm({ m: b.rows, n, k: sizes.d }, matrix(q + b.q, sizes.d), matrix(k + b.k, sizes.d, true), place(p, n), false);
    e.attend(p, b.rows, n, scale, b.mask, b.step);
    const to = place(y + b.y, sizes.H * sizes.e);
    gemm({ m: b.rows, n: sizes.e, k: n }, matrix(p, n), matrix(v + b.v, sizes.e), to, false);
  });
};

/** Places of a gradient and of those that it gives. */
export interface AttentionGrads {
  /** [B, S, H, e]. */
  readonly dy: number;
  /** Like q. */
  readonly dq: number;
  /** Like k and v; zero before, since queries add to the gradients of their keys and values block by block. */
  readonly dk: number;
  readonly dv: number;
}

/**
 * Some groups of dq, dk and dv of dy: dV = P^T dY, dS = P (dY V^T - rows' means), dQ = scale dS K, dK = scale dS^T Q.
 *
 * @param part its room holds twice the weights
 */
export const attendGrad = ({ e, gemm }: Functions, attention: Attention, part: Part, grads: AttentionGrads): void => {
  const { sizes, scale, q, k, v } = attention;
  const { d, e: wide } = sizes;
  const p = part.room;
  const ds = p + 4 * weightsOf(sizes);
  overBlocks(e, attention, part, (b) => {
    const { rows, keys } = b;
    const [Q, K] = [matrix(q + b.q, d), matrix(k + b.k, d)];
    const dY = matrix(grads.dy + b.y, sizes.H * wide);
    gemm({ m: rows, n: keys, k: d }, Q, { ...K, transposed: true }, place(p, keys), false);
    e.attend(p, rows, keys, scale, b.mask, b.step);
    gemm({ m: keys, n: wide, k: rows }, matrix(p, keys, true), dY, place(grads.dv + b.v, wide), true);
    gemm({ m: rows, n: keys, k: wide }, dY, matrix(v + b.v, wide, true), place(ds, keys), false);
    e.attendGrad(p, ds, rows, keys, scale);
    gemm({ m: rows, n: d, k: keys }, matrix(ds, keys), K, place(grads.dq + b.q, d), false);
    gemm({ m: keys, n: d, k: rows }, matrix(ds, keys, true), Q, place(grads.dk + b.k, d), true);
  });
};

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

const weightsOf = ({ S, T }: AttentionSizes): number => Math.min(BLOCK, S) * T;

/** Numbers in the room of a part of `attend`: the weights of some queries, and K^T of a group. */
export const attendRoom = (s: AttentionSizes): number => weightsOf(s) + s.T * s.d;

/** Numbers in the room of a part of `attendGrad`: weights and their gradients, K^T and V^T of a group. */
export const attendGradRoom = (s: AttentionSizes): number => 2 * weightsOf(s) + s.T * (s.d + s.e);

/** Some queries of one head: where their rows begin, and the keys that they see. */
interface Block {
  readonly rows: number;
  readonly keys: number;
  /** Bytes in front of their queries [B, H, S, d] and of their result [B, S, H, e]. */
  readonly q: number;
  readonly y: number;
  /** Where their rows of the mask lie, and how far apart; 0 where there is none. */
  readonly mask: number;
  readonly step: number;
}

/** Heads that share keys. */
interface Group {
  /** Bytes in front of their keys and values. */
  readonly k: number;
  readonly v: number;
  /** Visits the blocks of every head. */
  readonly each: (visit: (block: Block) => void) => void;
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

/** Visits some groups. */
const overGroups = (
  e: Elements,
  { sizes, mask }: Attention,
  { from, to }: Part,
  visit: (group: Group) => void,
): void => {
  const { H, G, S, T } = sizes;
  const keysAt = keysOf(e, T);
  const [stepB, stepH, step] = mask?.steps ?? [0, 0, 0];
  const heads = H / G;
  const blockOf = (head: number, i: number): Block => {
    const [b, h] = [Math.floor(head / H), head % H];
    const at = mask === undefined ? 0 : mask.at + b * stepB + h * stepH + i * step;
    const rows = Math.min(BLOCK, S - i);
    const [q, y] = [4 * (head * S + i) * sizes.d, 4 * ((b * S + i) * H + h) * sizes.e];
    return { rows, keys: keysAt(at, step, rows), q, y, mask: at, step };
  };
  for (let group = from; group < to; group++)
    visit({
      k: 4 * group * T * sizes.d,
      v: 4 * group * T * sizes.e,
      each: (visitBlock) => {
        for (let head = group * heads; head < (group + 1) * heads; head++)
          for (let i = 0; i < S; i += BLOCK) visitBlock(blockOf(head, i));
      },
    });
};

const matrix = (at: number, stride: number, transposed = false): Factor => ({ at, stride, transposed });

const place = (at: number, stride: number): Place => ({ at, stride });

/**
 * Some groups of y = softmax(scale Q K^T + M) V, whose place is that of [B, S, H, e].
 *
 * Keys are transposed once for all blocks of their heads: products of small matrices read them faster so.
 *
 * @param part its room holds `attendRoom` numbers
 */
export const attend = ({ e, gemm }: Functions, attention: Attention, part: Part, y: number): void => {
  const { sizes, scale, q, k, v } = attention;
  const { H, T, d, e: wide } = sizes;
  const p = part.room;
  const kt = p + 4 * weightsOf(sizes);
  overGroups(e, attention, part, (group) => {
    e.transpose(k + group.k, kt, T, d);
    const V = matrix(v + group.v, wide);
    group.each((b) => {
      const n = b.keys;
      gemm({ m: b.rows, n, k: d }, matrix(q + b.q, d), matrix(kt, T), place(p, n), false);
      e.attend(p, b.rows, n, scale, b.mask, b.step);
      gemm({ m: b.rows, n: wide, k: n }, matrix(p, n), V, place(y + b.y, H * wide), false);
    });
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
 * @param part its room holds `attendGradRoom` numbers
 */
export const attendGrad = ({ e, gemm }: Functions, attention: Attention, part: Part, grads: AttentionGrads): void => {
  const { sizes, scale, q, k, v } = attention;
  const { H, T, d, e: wide } = sizes;
  const p = part.room;
  const ds = p + 4 * weightsOf(sizes);
  const kt = ds + 4 * weightsOf(sizes);
  const vt = kt + 4 * T * d;
  overGroups(e, attention, part, (group) => {
    e.transpose(k + group.k, kt, T, d);
    e.transpose(v + group.v, vt, T, wide);
    const K = matrix(k + group.k, d);
    const [dK, dV] = [place(grads.dk + group.k, d), place(grads.dv + group.v, wide)];
    group.each((b) => {
      const { rows, keys } = b;
      const [Q, dY] = [matrix(q + b.q, d), matrix(grads.dy + b.y, H * wide)];
      gemm({ m: rows, n: keys, k: d }, Q, matrix(kt, T), place(p, keys), false);
      e.attend(p, rows, keys, scale, b.mask, b.step);
      gemm({ m: keys, n: wide, k: rows }, matrix(p, keys, true), dY, dV, true);
      gemm({ m: rows, n: keys, k: wide }, dY, matrix(vt, T), place(ds, keys), false);
      e.attendGrad(p, ds, rows, keys, scale);
      gemm({ m: rows, n: d, k: keys }, matrix(ds, keys), K, place(grads.dq + b.q, d), false);
      gemm({ m: keys, n: d, k: rows }, matrix(ds, keys, true), Q, dK, true);
    });
  });
};

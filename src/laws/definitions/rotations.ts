/**
 * Methods that turn features: OFT, BOFT, HRA and RoAd.
 */
import type { Exact } from './definition.js';
import { byLayer, theMatrix, type Layer } from './layer.js';
import {
  at,
  dividedColumns,
  entries,
  entryAt,
  hadamard,
  identity,
  lengthOf,
  matrixOf,
  plus,
  product,
  scaled,
  times,
  total,
  turn,
  type Entry,
  type Sized,
} from './matrix.js';
import { inverse } from './solve.js';

/** K = T - T^T for the strict upper triangle T, filled row by row. */
export const skew = (triangle: ArrayLike<number>, n: number): Sized => {
  const place = (i: number, j: number): number => i * n - (i * (i + 1)) / 2 + (j - i - 1);
  return entries(n, n, 0, (i, j) => {
    const x = i === j ? 0 : i < j ? (triangle[place(i, j)] as number) : -(triangle[place(j, i)] as number);
    return [x, Math.abs(x)];
  });
};

/** (I - K) (I + K)^-1. */
export const cayley = (K: Sized): Sized =>
  product(plus(identity(K.rows), scaled(-1, K)), inverse(plus(identity(K.rows), K)));

/** I + 2 K + ... + 2 K^(p - 1) + K^p with p = terms - 1, at least 3 from three terms on; I + 2 K for two. */
export const neumann = (K: Sized, terms: number): Sized => {
  const I = identity(K.rows);
  if (terms <= 1) return I;
  if (terms === 2) return plus(I, scaled(2, K));
  const last = Math.max(3, terms - 1);
  let [sum, power] = [I, K];
  for (let p = 1; p <= last; p++) {
    sum = plus(sum, p === last ? power : scaled(2, power));
    power = product(power, K);
  }
  return sum;
};

/** blockdiag of blocks by their number. */
const blockDiagonal = (n: number, size: number, block: (i: number) => Sized): Sized => {
  const blocks = Array.from({ length: n / size }, (_, i) => block(i));
  return entries(n, n, Math.max(0, ...blocks.map((b) => b.roundings)), (i, j) => {
    const [a, b] = [Math.floor(i / size), Math.floor(j / size)];
    return a === b ? entryAt(blocks[a] as Sized, i % size, j % size) : [0, 0];
  });
};

const oftRotation = (l: Layer, { shape, values }: Exact, n: number): Sized => {
  const [rows, elements] = shape as readonly [number, number];
  const size = Math.round((1 + Math.sqrt(1 + 8 * elements)) / 2);
  const { coft, eps, use_cayley_neumann, num_cayley_neumann_terms, block_share } = l.config;
  return blockDiagonal(n, size, (b) => {
    const row = block_share ? 0 : b;
    const u = values.subarray(row * elements, (row + 1) * elements);
    const norm = Math.sqrt(2 * u.reduce((sum, x) => sum + x * x, 0));
    const bound = eps / Math.sqrt(rows);
    const K = skew(coft && norm > bound ? u.map((x) => (x * bound) / norm) : u, size);
    return use_cayley_neumann ? neumann(K, num_cayley_neumann_terms) : cayley(K);
  });
};

/** W R^T with block-diagonal R over the inputs, channels times kernel; W R for the vectors of an embedding. */
export const oftDefinition = byLayer((l) => {
  if (l.param !== 'weight') return undefined;
  const [rows, vectors] = [l.tensor('oft_R.weight'), l.tensor('oft_embedding_R.weight')];
  if (vectors !== undefined) return product(l.V, oftRotation(l, vectors, l.V.columns));
  return rows === undefined ? undefined : product(l.V, turn(oftRotation(l, rows, l.V.columns)));
});

/** Features in the order that factor i of a butterfly has them: in every 2^i blocks the even half blocks first, then the odd. */
const butterfly = (n: number, size: number, i: number): ReadonlyArray<number> => {
  const [span, half] = [size * 2 ** i, size / 2];
  return Array.from({ length: n / span }, (_, s) => {
    const chunks = Array.from({ length: span / half }, (_x, c) => c);
    const ordered = [...chunks.filter((c) => c % 2 === 0), ...chunks.filter((c) => c % 2 === 1)];
    return ordered.flatMap((c) => Array.from({ length: half }, (_x, e) => s * span + c * half + e));
  }).flat();
};

/** s * (W M^T), M = M_N ... M_1, each M_i = P_i blockdiag((I - S) (I + S)^-1) P_i^T with S = (R - R^T) / 2. */
export const boftDefinition = byLayer((l) => {
  const R = l.tensor('boft_R');
  if (R === undefined || l.param !== 'weight') return undefined;
  const [N, D, H] = R.shape as readonly [number, number, number];
  const n = D * H;
  const all = matrixOf(R, N * n);
  const turned = Array.from({ length: N }, (_, i) => i).reduce((W, i) => {
    const Q = blockDiagonal(n, H, (b) =>
      cayley(
        entries(H, H, 1, (x, y) => {
          const row = i * n + b * H;
          const [p, q] = [at(all, row + x, y), at(all, row + y, x)];
          return [(p - q) / 2, (Math.abs(p) + Math.abs(q)) / 2];
        }),
      ),
    );
    const order = N === 1 ? undefined : butterfly(n, H, i);
    const M = entries(n, n, Q.roundings, (x, y) => entryAt(Q, order?.[x] ?? x, order?.[y] ?? y));
    return product(W, turn(M));
  }, l.V);
  return hadamard({ ...theMatrix(l, 'boft_s'), rows: l.V.rows, columns: 1 }, turned);
});

/** Orthonormal columns one after the other, each freed of those before it (modified Gram-Schmidt). */
const orthonormal = (U: Sized): Sized => {
  const columns = Array.from({ length: U.columns }, (_, j) => Array.from({ length: U.rows }, (_x, i) => at(U, i, j)));
  let growth = 1;
  const growths = columns.map((v, j) => {
    const whole = Math.hypot(...v);
    for (const q of columns.slice(0, j)) {
      const dot = q.reduce((sum, x, i) => sum + x * (v[i] as number), 0);
      q.forEach((x, i) => (v[i] = (v[i] as number) - dot * x));
    }
    const left = Math.hypot(...v);
    v.forEach((x, i) => (v[i] = x / left));
    growth *= whole / left;
    return growth;
  });
  return entries(U.rows, U.columns, 2 * (U.rows + U.columns), (i, j) => [
    columns[j]?.[i] as number,
    growths[j] as number,
  ]);
};

/** W H_1 ... H_r with H_i = I - 2 u u^T / |u|^2, or W (I - 2 U U^T) with the columns made orthonormal. */
export const hraDefinition = byLayer((l) => {
  const u = l.tensor('hra_u');
  if (u === undefined || l.param !== 'weight') return undefined;
  const U = matrixOf(u);
  const reflection = (X: Sized): Sized => plus(identity(X.rows), scaled(-2, product(X, turn(X))));
  if (l.config.apply_GS) return product(l.V, reflection(orthonormal(U)));
  const unit = dividedColumns(U, (j) => lengthOf(U, j), U.rows + 4);
  return Array.from({ length: U.columns }, (_, j) => j).reduce(
    (W, j) => product(W, reflection(entries(U.rows, 1, unit.roundings, (i) => entryAt(unit, i, j)))),
    l.V,
  );
});

/** Rotated pairs of outputs: in each group feature j of the first half and j of the second turn by theta and stretch by alpha. */
export const roadDefinition = byLayer((l) => {
  const theta = l.tensor('road_theta');
  if (theta === undefined || (l.param !== 'weight' && l.param !== 'bias')) return undefined;
  const { variant, group_size: g } = l.config;
  const [angle, alpha] = [matrixOf(theta), theMatrix(l, 'road_alpha')];
  // errors of a sine are those of a number near 1, whatever the angle
  const wave = (f: (x: number) => number): Sized => entries(angle.rows, 1, 4, (i) => [f(at(angle, i, 0)), 1]);
  const [cosine, sine] = [wave(Math.cos), wave(Math.sin)];
  const half = g / 2;
  /** Where the stretch and the turn of output o stand: shared by both halves, one each, or two each. */
  const place = (o: number, second: boolean): number => {
    const [group, inside] = [Math.floor(o / g), o % g];
    if (variant === 'road_1') return group * half + (inside % half);
    return variant === 'road_2' ? o : group * 2 * g + (second ? g : 0) + inside;
  };
  const coefficient = (X: Sized, o: number, second: boolean): Entry => {
    const p = place(o, second);
    return times(entryAt(alpha, p, 0), entryAt(X, p, 0));
  };
  return entries(l.V.rows, l.V.columns, l.V.roundings + 8, (o, i) => {
    const first = o % g < half;
    const [straight, [c, size]] = [coefficient(cosine, o, false), coefficient(sine, o, true)];
    const partner = entryAt(l.V, first ? o + half : o - half, i);
    return total([times(straight, entryAt(l.V, o, i)), times([first ? -c : c, size], partner)]);
  });
});

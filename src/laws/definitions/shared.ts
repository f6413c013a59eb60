/**
 * Methods whose layers share matrices or one vector: VeRA, PVeRA, RandLoRA, TinyLoRA, Uni-LoRA and VB-LoRA.
 *
 * What their files leave out is drawn again with torch's and numpy's generators, which are those of src/ops/torch-random.
 */
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';
import {
  numpyChoice,
  numpyShuffle,
  pcg64,
  torchGenerator,
  torchKaimingUniform,
  torchNormal,
} from '../../ops/torch-random/index.js';
import type { Exact, Given } from './definition.js';
import { added, byLayer, features, isSaved, modulesWith, named, stored, the, theMatrix } from './layer.js';
import {
  entries,
  entryAt,
  exactly,
  hadamard,
  matrixOf,
  plus,
  product,
  scaled,
  slice,
  times,
  total,
  type Sized,
} from './matrix.js';

/** The largest features among some modules. */
const largest = (modules: ReadonlyArray<ModuleSpec>, fanInFanOut: boolean): readonly [out: number, inputs: number] => {
  const all = modules.map((m) => features(m, fanInFanOut));
  return [Math.max(...all.map((f) => f.out)), Math.max(...all.map((f) => f.inputs))];
};

const exact = (values: Float32Array, shape: ReadonlyArray<number>): Exact => ({
  shape,
  values: Float64Array.from(values),
});

/** (b * B[:out]) (d * A[:, :in]) with one A [copies r, max in] and B [max out, r] for all layers; the first r of d and A count. */
const scaledProjections = (prefix: string, copies: number) =>
  added((l) => {
    const b = l.tensor(`${prefix}_lambda_b`);
    if (b === undefined) return undefined;
    const { r, save_projection, projection_prng_key, fan_in_fan_out } = l.config;
    const [maxOut, maxIn] = largest(modulesWith(l, `${prefix}_lambda_b`), fan_in_fan_out);
    const generator = torchGenerator(projection_prng_key);
    const [shapeA, shapeB] = [
      [copies * r, maxIn],
      [maxOut, r],
    ] as const;
    const drawnA = exact(torchKaimingUniform(generator, shapeA), shapeA);
    const drawnB = exact(torchKaimingUniform(generator, shapeB), shapeB);
    const held = (name: string, drawn: Exact): Exact =>
      save_projection ? (named(l.params, `base_model.${prefix}_${name}`) as Exact) : drawn;
    const { out, inputs } = features(l.module, fan_in_fan_out);
    const A = slice(matrixOf(held('A', drawnA)), [0, r], [0, inputs]);
    const B = slice(matrixOf(held('B', drawnB)), [0, out], [0, r]);
    const d = slice(theMatrix(l, `${prefix}_lambda_d`), [0, r], [0, 1]);
    return product(hadamard(matrixOf(b), B), hadamard(d, A));
  });

/** VeRA. */
export const veraDefinition = scaledProjections('vera', 1);

/** PVeRA merges its mean, which the first half of its vectors gives. */
export const pveraDefinition = scaledProjections('pvera', 2);

/** Values divided by their standard deviation, everything rounded to bfloat16. */
const inBf16 = (values: Float32Array): Float64Array => {
  const round = (x: number): number => {
    const bits = new Uint32Array(Float32Array.of(x).buffer);
    const word = bits[0] as number;
    bits[0] = (word + 0x7fff + ((word >>> 16) & 1)) & 0xffff0000;
    return new Float32Array(bits.buffer)[0] as number;
  };
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1);
  const std = round(Math.sqrt(variance));
  return Float64Array.from(values, (x) => round(Math.fround(x / std)));
};

/** RandLoRA's bases as PEFT draws them, in bfloat16: A [r, 1, short], then the N bases of B [long, N, r] one by one. */
const randloraBases = (seed: number, r: number, short: number, long: number): readonly [A: Exact, B: Exact] => {
  const generator = torchGenerator(seed);
  const kaiming = { a: Math.sqrt(5), dtype: 'BF16' } as const;
  const N = Math.ceil(short / r);
  const A = torchKaimingUniform(generator, [r, 1, short], kaiming);
  const B = new Float32Array(long * N * r);
  for (let n = 0; n < N; n++)
    torchKaimingUniform(generator, [long, 1, r], kaiming).forEach((x, i) => {
      B[(Math.floor(i / r) * N + n) * r + (i % r)] = x;
    });
  return [
    { shape: [r, 1, short], values: inBf16(A) },
    { shape: [long, N, r], values: inBf16(B) },
  ];
};

/**
 * s B~ A~, where row i n + b of A~ is lambda[i, b] A[i] gamma[b] and column b r + i of B~ is B[:, b, i]; PEFT contracts the two orders
 * as they are. The product is [long, short], and turned where the inputs are the longer side.
 */
export const randloraDefinition = added((l) => {
  const lambda = l.tensor('randlora_lambda');
  if (lambda === undefined) return undefined;
  const { r, save_projection, projection_prng_key, fan_in_fan_out, randlora_alpha } = l.config;
  const [maxOut, maxIn] = largest(modulesWith(l, 'randlora_lambda'), fan_in_fan_out);
  const [allShort, allLong] = [Math.min(maxOut, maxIn), Math.max(maxOut, maxIn)];
  const { out, inputs } = features(l.module, fan_in_fan_out);
  const [short, long] = [Math.min(out, inputs), Math.max(out, inputs)];
  const n = Math.ceil(short / r);
  const [drawnA, drawnB] = randloraBases(projection_prng_key, r, allShort, allLong);
  const held = (name: string, drawn: Exact): Exact =>
    save_projection ? (named(l.params, `base_model.randlora_${name}`) as Exact) : drawn;
  const A = matrixOf(held('A', drawnA), r);
  const B = held('B', drawnB);
  const [, N] = B.shape as readonly [number, number, number];
  const bases = matrixOf(B, (B.shape[0] as number) * N);
  const [lam, gamma] = [matrixOf(lambda), theMatrix(l, 'randlora_gamma')];
  const tilde = entries(r * n, short, 2, (row, j) => {
    const [i, b] = [Math.floor(row / n), row % n];
    return times(entryAt(lam, i, b), entryAt(A, i, j), entryAt(gamma, b, j));
  });
  const left = entries(long, n * r, 0, (x, column) => entryAt(bases, x * N + Math.floor(column / r), column % r));
  const P = scaled(randlora_alpha / r, product(left, tilde));
  return inputs === short ? P : entries(out, inputs, P.roundings, (o, i) => entryAt(P, i, o));
});

/** Python rounds halves to the even neighbour. */
const halfEven = (x: number): number => {
  const below = Math.floor(x);
  return x - below === 0.5 ? below + (below % 2) : Math.round(x);
};

/** B (sum_i v_i P_i) A with P drawn from N(0, 1 / r) by the number of the layer; groups of layers share v. */
export const tinyloraDefinition = byLayer((l) => {
  const a = l.tensor('tinylora_A');
  if (a === undefined || l.param !== 'weight') return undefined;
  const layers = modulesWith(l, 'tinylora_A').map((m) => m.name);
  const index = layers.indexOf(l.module.name);
  const { u, weight_tying, save_projection, projection_seed } = l.config;
  const groups = Math.max(1, halfEven(layers.length * (1 - weight_tying)));
  const size = Math.max(1, Math.floor(layers.length / groups));
  const v = named(l.params, `base_model.tinylora_v.${Math.min(Math.floor(index / size), groups - 1)}`) as Exact;
  const [A, B] = [matrixOf(a), theMatrix(l, 'tinylora_B')];
  const r = A.rows;
  const drawn = (): Sized =>
    matrixOf(exact(torchNormal(torchGenerator(projection_seed + index), u * r * r, 0, 1 / Math.sqrt(r)), [u, r, r]));
  const P = save_projection ? theMatrix(l, 'tinylora_P') : drawn();
  const vector = matrixOf(v, 1);
  const mixed = product(vector, P);
  const D = product(product(B, { ...mixed, rows: r, columns: r }), A);
  return plus(l.V, l.module.kind === 'Embedding' ? D : stored(l, D));
});

/** The modules that a config names by the ends of their names. */
const targeted = (g: Given, spec: ModelSpec): ReadonlyArray<ModuleSpec> => {
  const names = g.config.target_modules as ReadonlyArray<string>;
  return spec.modules.filter(
    (m) => names.some((n) => m.name === n || m.name.endsWith(`.${n}`)) && !isSaved(g, `${m.name}.weight`),
  );
};

/** theta[i] / sqrt(n_i) at every place of A and B, dealt out over all layers by numpy's generator. */
export const uniloraDefinition = added((l) => {
  const modules = targeted(l, l.spec);
  const index = modules.findIndex((m) => m.name === l.module.name);
  if (index < 0) return undefined;
  const { r, theta_d_length: L, proj_seed, fan_in_fan_out } = l.config;
  const theta = named(l.params, 'base_model.unilora_theta_d') as Exact;
  const sizes = modules.map((m) => features(m, fan_in_fan_out)).map(({ out, inputs }) => r * (out + inputs));
  const places = sizes.reduce((a, b) => a + b, 0);
  const generator = pcg64(proj_seed);
  const even = Array.from({ length: Math.floor(places / L) * L }, (_, i) => Math.floor(i / Math.floor(places / L)));
  const rest = places % L === 0 ? [] : [...numpyChoice(generator, L, places % L)];
  const dealt = numpyShuffle(generator, Int32Array.from([...even, ...rest]));
  const counts = new Map<number, number>();
  dealt.forEach((i) => counts.set(i, (counts.get(i) ?? 0) + 1));
  const first = sizes.slice(0, index).reduce((a, b) => a + b, 0);
  const { out, inputs } = features(l.module, fan_in_fan_out);
  const filled = (rows: number, columns: number, start: number): Sized => ({
    ...exactly(rows, columns, (i, j) => {
      const name = `unilora_${start === first ? 'indices_A' : 'indices_B'}`;
      const heldIndex = l.tensor(name)?.values[i * columns + j];
      const heldScale = l.tensor(name.replace('indices', 'scales'))?.values[i * columns + j];
      const place = heldIndex ?? (dealt[start + i * columns + j] as number);
      return (theta.values[place] as number) * (heldScale ?? 1 / Math.sqrt(counts.get(place) ?? 1));
    }),
    roundings: 3,
  });
  return product(filled(out, r, first + r * inputs), filled(r, inputs, first));
});

/** The mixture of the bank's vectors by the softmax over the k largest logits; of equal ones the first. */
const mixed = (logits: ReadonlyArray<number>, k: number, bank: Sized, element: number): readonly [number, number] => {
  const top = logits
    .map((z, i) => [z, i] as const)
    .toSorted(([a], [b]) => b - a)
    .slice(0, k);
  const e = top.map(([z]) => Math.exp(z - (top[0]?.[0] as number)));
  const sum = e.reduce((x, y) => x + y, 0);
  return total(
    top.map(([, i], n) => times([(e[n] as number) / sum, (e[n] as number) / sum], entryAt(bank, i, element))),
  );
};

/** B A, both put together from pieces that mix a bank of vectors by the k largest of their logits. */
export const vbloraDefinition = added((l) => {
  const logitsA = l.tensor('vblora_logits_A');
  if (logitsA === undefined) return undefined;
  const { topk, vector_length: length, r } = l.config;
  const bank = matrixOf(named(l.params, 'base_model.vblora_vector_bank') as Exact);
  const logitsB = the(l, 'vblora_logits_B');
  const piece = (logits: Exact, i: number, j: number): ReadonlyArray<number> => {
    const [, columns, n] = logits.shape as readonly [number, number, number];
    return [...logits.values.subarray((i * columns + j) * n, (i * columns + j + 1) * n)];
  };
  const { out, inputs } = features(l.module, l.config.fan_in_fan_out);
  const roundings = 2 * Number(topk) + 12;
  const A = entries(r, inputs, roundings, (j, i) =>
    mixed(piece(logitsA, j, Math.floor(i / length)), topk, bank, i % length),
  );
  const B = entries(out, r, roundings, (o, j) =>
    mixed(piece(logitsB, Math.floor(o / length), j), topk, bank, o % length),
  );
  return product(B, A);
});

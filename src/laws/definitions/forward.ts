/**
 * What adapters without merged weights add to a forward pass, by their equations in float64.
 */
import type { BaseConfig } from '../../adapters/config.js';
import type { Routing } from '../../adapters/method.js';
import { ownerOf, type ModelSpec } from '../../models/spec.js';
import type { Shape } from '../../ops/tensor.js';
import type { Exact, Expected } from './definition.js';
import { named, pre, unrounded } from './layer.js';
import {
  entries,
  entryAt,
  expectedOf,
  hadamard,
  matrixOf,
  plus,
  product,
  reshaped,
  scaled,
  slice,
  times,
  turn,
  type Sized,
} from './matrix.js';

/** What a definition of the forward pass may look at. */
export interface ForwardGiven {
  /** The decoded config; a method's config is its own affair. */
  // eslint-disable-next-line typescript/no-explicit-any
  readonly config: BaseConfig & any;
  readonly spec: ModelSpec;
  /** The adapter's tensors by the names of its file. */
  readonly params: Readonly<Record<string, Exact>>;
  /** Base tensors by key. */
  readonly base: Readonly<Record<string, Exact>>;
  /** Tasks of the samples. */
  readonly routing: Routing;
  /** Inputs by module: x [n, in] of a linear layer, queries [B, H, T, d] of an attention layer. */
  readonly inputs: Readonly<Record<string, Exact>>;
}

/**
 * What is seen of an adapter beside the weights: `soft` tokens, `keys l` and `values l` of layer l's prefix, and under a module's name its
 * output y, or what an attention layer's prompt gives before the output projection.
 */
export type ForwardDefinition = (g: ForwardGiven) => Readonly<Record<string, Expected>>;

const held = (g: ForwardGiven, name: string): Exact => {
  const found = named(g.params, name);
  if (found === undefined) throw new RangeError(`a definition finds no tensor ${name}`);
  return found;
};

/** The file's embeddings as they are. */
export const softForward: ForwardDefinition = (g) => ({ soft: unrounded(held(g, 'prompt_embeddings')) });

/** Columns [2 l D, (2 l + 1) D) are layer l's keys and the next D its values, heads side by side. */
export const prefixForward: ForwardDefinition = (g) => {
  const E = held(g, 'prompt_embeddings');
  const { num_hidden_layers: L, num_key_value_heads: H } = g.spec.config as Readonly<Record<string, number>>;
  const [n, width] = E.shape as readonly [number, number];
  const d = width / (2 * (L as number) * (H as number));
  const block = (i: number): Expected => {
    const values = new Float64Array((H as number) * n * d);
    values.forEach((_, at) => {
      const [h, t, e] = [Math.floor(at / (n * d)), Math.floor(at / d) % n, at % d];
      values[at] = E.values[t * width + (i * (H as number) + h) * d + e] as number;
    });
    return unrounded({ shape: [1, H as number, n, d], values });
  };
  return Object.fromEntries(
    Array.from({ length: L as number }, (_, l) => [
      [`keys ${l}`, block(2 * l)] as const,
      [`values ${l}`, block(2 * l + 1)] as const,
    ]).flat(),
  );
};

const stacked = (parts: ReadonlyArray<Sized>, shape: Shape): Expected => {
  const joined = (of: (X: Sized) => Float64Array): Float64Array => Float64Array.from(parts.flatMap((X) => [...of(X)]));
  return {
    shape,
    values: joined((X) => X.values),
    magnitude: joined((X) => X.sizes),
    roundings: Math.max(0, ...parts.map((X) => X.roundings)),
  };
};

/** Block i of a tensor's first axis as a matrix. */
const block = ({ shape, values }: Exact, i: number): Sized => {
  const [, rows, columns] = shape as readonly [number, number, number];
  return matrixOf({ shape: [rows, columns], values: values.subarray(i * rows * columns, (i + 1) * rows * columns) });
};

/** P_b = T * (C[t] R[t]) for the task t of sample b. */
export const multitaskForward: ForwardDefinition = (g) => {
  const [T, C, R] = ['prompt_embeddings', 'prefix_task_cols', 'prefix_task_rows'].map((name) => held(g, name)) as [
    Exact,
    Exact,
    Exact,
  ];
  const tasks = g.routing.taskIds ?? [];
  const samples = tasks.map((t) => hadamard(matrixOf(T), product(block(C, t), block(R, t))));
  return { soft: stacked(samples, [tasks.length, ...T.shape]) };
};

/** y = x W^T + b of a linear layer. */
const linear = (g: ForwardGiven, module: string): readonly [x: Sized, y: Sized] => {
  const x = matrixOf(g.inputs[module] as Exact);
  const [W, b] = ['weight', 'bias'].map((param) => g.base[ownerOf(g.spec, `${module}.${param}`)]);
  const y = product(x, turn(matrixOf(W as Exact)));
  if (b === undefined) return [x, y];
  return [
    x,
    entries(y.rows, y.columns, y.roundings + 1, (i, j) => {
      const [value, size] = entryAt(y, i, j);
      return [value + (b.values[j] as number), size + Math.abs(b.values[j] as number)];
    }),
  ];
};

const linearOutputs = (g: ForwardGiven, output: (module: string) => Sized): Readonly<Record<string, Expected>> =>
  Object.fromEntries(
    Object.keys(g.inputs).map((module) => {
      const y = output(module);
      return [module, expectedOf(y, [y.rows, y.columns])] as const;
    }),
  );

const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

/** y + x A_b B_b / r, with A_b and B_b the skills of each split of the features mixed by sigmoid(Z[t]), normalised over skills. */
export const polyForward: ForwardDefinition = (g) => {
  const { n_splits: S, n_skills: K, r } = g.config;
  const tasks = g.routing.taskIds ?? [];
  return linearOutputs(g, (module) => {
    const [A, B, Z] = ['poly_lora_A', 'poly_lora_B', 'poly_router.module_logits'].map((suffix) =>
      held(g, `${pre}${module}.${suffix}`),
    ) as [Exact, Exact, Exact];
    const [x, y] = linear(g, module);
    const [partIn, partOut] = [A.shape[2] as number, B.shape[3] as number];
    const [a, b] = [matrixOf(A, S * K * partIn), matrixOf(B, S * K * r)];
    return entries(y.rows, y.columns, y.roundings + x.columns + 3 * K + r + 12, (row, o) => {
      const t = tasks[row % tasks.length] as number;
      const w = (s: number, k: number): number => {
        const all = Array.from({ length: K }, (_, j) => sigmoid(Z.values[(t * S + s) * K + j] as number));
        return (all[k] as number) / (all.reduce((p, q) => p + q, 0) + 1e-12);
      };
      let [value, size] = entryAt(y, row, o);
      for (let j = 0; j < r; j++) {
        let [h, hSize] = [0, 0];
        for (let i = 0; i < x.columns; i++)
          for (let k = 0; k < K; k++) {
            const s = Math.floor(i / partIn);
            const [v, z] = times(entryAt(x, row, i), entryAt(a, (s * K + k) * partIn + (i % partIn), j), [w(s, k), 1]);
            [h, hSize] = [h + v, hSize + z];
          }
        for (let k = 0; k < K; k++) {
          const s = Math.floor(o / partOut);
          const [v, z] = times([h, hSize], entryAt(b, (s * K + k) * r + j, o % partOut), [w(s, k), 1]);
          [value, size] = [value + v / r, size + z / r];
        }
      }
      return [value, size];
    });
  });
};

/** Rows of exp(z) / sum exp(z); an error of z moves an entry by as much of itself. */
const softmaxRows = (z: Sized): Sized => {
  const top = Array.from({ length: z.rows }, (_, i) =>
    Math.max(...Array.from({ length: z.columns }, (_x, j) => entryAt(z, i, j)[0])),
  );
  const e = entries(z.rows, z.columns, 0, (i, j) => {
    const x = Math.exp(entryAt(z, i, j)[0] - (top[i] as number));
    return [x, x];
  });
  return entries(z.rows, z.columns, z.roundings + z.columns + 4, (i, j) => {
    const sum = Array.from({ length: z.columns }, (_, k) => entryAt(e, i, k)[0]).reduce((a, b) => a + b, 0);
    const worst = Math.max(...Array.from({ length: z.columns }, (_, k) => entryAt(z, i, k)[1]));
    const p = entryAt(e, i, j)[0] / sum;
    return [p, p * (1 + 2 * worst)];
  });
};

/** The layers whose A and B a layer uses: of those with its name and shape the first of `stride_A` in turn, and the first of all. */
const lilySources = (g: ForwardGiven, module: string): Readonly<Record<'A' | 'B', string>> => {
  const kind = (name: string): string =>
    JSON.stringify([name.split('.').at(-1), g.spec.modules.find((m) => m.name === name)?.params['weight']]);
  const same = Object.keys(g.inputs).filter((name) => kind(name) === kind(module));
  const at = same.indexOf(module);
  return { A: same[at - (at % g.config.stride_A)] as string, B: same[0] as string };
};

/** y + s h sum_e p_e B_e, h = x A^T, with p the mean over all rows of softmax(h R^T). */
export const lilyForward: ForwardDefinition = (g) => {
  const { num_B: E, r, scaling } = g.config;
  return linearOutputs(g, (module) => {
    const { A: ofA, B: ofB } = lilySources(g, module);
    const matrix = (from: string, name: string): Sized => matrixOf(held(g, `${pre}${from}.${name}.weight`));
    const [A, B, R] = [matrix(ofA, 'lily_A'), matrix(ofB, 'lily_B'), matrix(module, 'lily_router')];
    const [x, y] = linear(g, module);
    const h = product(x, turn(A));
    const p = softmaxRows(product(h, turn(R)));
    const mean = scaled(
      1 / p.rows,
      product(
        entries(1, p.rows, 0, () => [1, 1]),
        p,
      ),
    );
    const experts = reshaped(B, E);
    const mixed = reshaped(product(mean, experts), r);
    return plus(y, scaled(scaling, product(h, mixed)));
  });
};

/** g softmax(q K^T / sqrt(d)) V with K and V the projections of the virtual tokens, which have no positions. */
export const adaptionPromptForward: ForwardDefinition = (g) => {
  const { num_attention_heads, num_key_value_heads } = g.spec.config as Readonly<Record<string, number>>;
  const [H, G] = [num_attention_heads as number, num_key_value_heads as number];
  return Object.fromEntries(
    Object.entries(g.inputs).map(([module, q]) => {
      const [P, gate] = [held(g, `${pre}${module}.adaption_prompt`), held(g, `${pre}${module}.adaption_gate`)];
      const tokens = matrixOf(P, P.shape[1] as number);
      const [K, V] = ['k_proj', 'v_proj'].map((name) =>
        product(tokens, turn(matrixOf(g.base[`${module}.${name}.weight`] as Exact))),
      ) as [Sized, Sized];
      const [batch, , T, d] = q.shape as readonly [number, number, number, number];
      const all = matrixOf(q, batch * H * T);
      const heads = Array.from({ length: batch * H }, (_, bh) => {
        const group = Math.floor((bh % H) / (H / G));
        const part = (X: Sized): Sized => slice(X, [0, X.rows], [group * d, d]);
        const scores = scaled(1 / Math.sqrt(d), product(slice(all, [bh * T, T], [0, d]), turn(part(K))));
        return scaled(gate.values[0] as number, product(softmaxRows(scores), part(V)));
      });
      // [B, T, H d]: heads side by side
      const y = entries(batch * T, H * d, (heads[0] as Sized).roundings, (row, column) =>
        entryAt(heads[Math.floor(row / T) * H + Math.floor(column / d)] as Sized, row % T, column % d),
      );
      return [module, expectedOf(y, [batch, T, H * d])] as const;
    }),
  );
};

/**
 * Llama and GPT-2 with LoRA in jax-js, whose functions own their arguments: `x.ref` is x for one more owner.
 */
import { nn, numpy as np } from '@jax-js/jax';

/** Arrays by the names of the checkpoint's tensors. */
export type Arrays = Record<string, np.Array>;

/** What config.json says of the layers. */
export interface Sizes {
  readonly layers: number;
  readonly heads: number;
  readonly groups: number;
}

/** Sizes, the batch, and LoRA's alpha / r. */
export interface Shape extends Sizes {
  readonly sequences: number;
  readonly tokens: number;
  readonly scale: number;
}

const EPS = 1e-5;
const ROPE_BASE = 10_000;

const at = (arrays: Arrays, name: string): np.Array => {
  const found = arrays[name];
  if (found === undefined) throw new Error(`expected a tensor ${name}`);
  return found;
};

/** x / sqrt(mean(x^2) + eps) w. */
const rmsNorm = (x: np.Array, w: np.Array): np.Array => {
  const square = np.mean(np.square(x.ref), -1, { keepdims: true });
  return x.div(np.sqrt(square.add(EPS))).mul(w);
};

/** (x - mean) / sqrt(variance + eps) w + b. */
const layerNorm = (x: np.Array, w: np.Array, b: np.Array): np.Array =>
  nn.standardize(x, -1, { epsilon: EPS }).mul(w).add(b);

/** s (x A^T) B^T, or nothing where the module has no adapter. */
const loraOf = (x: np.Array, lora: Arrays, module: string, scale: number): np.Array | undefined => {
  const [A, B] = ['A', 'B'].map((role) => lora[`base_model.model.${module}.lora_${role}.weight`]);
  return A === undefined || B === undefined
    ? undefined
    : np.matmul(np.matmul(x.ref, A.transpose()), B.transpose()).mul(scale);
};

/** x W [inputs, outputs] and its LoRA. */
const linear = (x: np.Array, W: np.Array, lora: Arrays, module: string, scale: number): np.Array => {
  const change = loraOf(x, lora, module, scale);
  const y = np.matmul(x, W);
  return change === undefined ? y : y.add(change);
};

/** cos and sin of t / base^(2 i / d), both halves of the last axis alike: [1, T, 1, d]. */
const angles = (tokens: number, d: number): readonly [np.Array, np.Array] => {
  const values = Float32Array.from({ length: tokens * d }, (_, i) => {
    const pair = i % (d / 2);
    return Math.floor(i / d) / ROPE_BASE ** ((2 * pair) / d);
  });
  const shape = [1, tokens, 1, d];
  return [np.array(values.map(Math.cos), { shape }), np.array(values.map(Math.sin), { shape })];
};

/** x cos + (-x2, x1) sin, with x = (x1, x2). */
const rotated = (x: np.Array, [cos, sin]: readonly [np.Array, np.Array]): np.Array => {
  const [first, second] = np.split(x.ref, 2, -1) as [np.Array, np.Array];
  return x.mul(cos.ref).add(np.concatenate([second.neg(), first], -1).mul(sin.ref));
};

/** 0 where a token may look, a large negative number where it may not: [T, T]. */
const causal = (tokens: number): np.Array =>
  np.array(
    Float32Array.from({ length: tokens * tokens }, (_, i) => (i % tokens > Math.floor(i / tokens) ? -1e9 : 0)),
    { shape: [tokens, tokens] },
  );

/** Causal attention of [N, H d] queries and [N, G d] keys and values; each group of H / G heads shares its keys and values. */
const attention = ({ sequences, tokens, heads, groups }: Shape, q: np.Array, k: np.Array, v: np.Array): np.Array => {
  const d = (q.shape[1] as number) / heads;
  // [B, G, heads of a group, T, d]; nn.dotProductAttention would do this, but it needs iterator helpers, which Node 20 lacks.
  const split = (x: np.Array, each: number): np.Array =>
    x.reshape([sequences, tokens, groups, each, d]).transpose([0, 2, 3, 1, 4]);
  const scores = np.matmul(split(q, heads / groups), np.swapaxes(split(k, 1), -1, -2)).mul(d ** -0.5);
  const y = np.matmul(nn.softmax(scores.add(causal(tokens)), -1), split(v, 1));
  return y.transpose([0, 3, 1, 2, 4]).reshape([sequences * tokens, heads * d]);
};

/** Logits [N, V] of a Llama with tied embeddings; it takes all weights and parameters over. */
export const llamaLogits = (shape: Shape, weights: Arrays, lora: Arrays, ids: np.Array): np.Array => {
  const { sequences, tokens, heads, groups, scale } = shape;
  const dense = (x: np.Array, module: string): np.Array =>
    linear(x, at(weights, `${module}.weight`).transpose(), lora, module, scale);
  const embedding = at(weights, 'model.embed_tokens.weight');
  const table = angles(tokens, (embedding.shape[1] as number) / heads);
  const turn = (x: np.Array, n: number): np.Array =>
    rotated(x.reshape([sequences, tokens, n, -1]), table).reshape([sequences * tokens, -1]);
  let x = np.take(embedding.ref, ids, 0);
  for (let i = 0; i < shape.layers; i++) {
    const layer = `model.layers.${i}`;
    const h = rmsNorm(x.ref, at(weights, `${layer}.input_layernorm.weight`));
    const q = turn(dense(h.ref, `${layer}.self_attn.q_proj`), heads);
    const k = turn(dense(h.ref, `${layer}.self_attn.k_proj`), groups);
    const v = dense(h, `${layer}.self_attn.v_proj`);
    x = x.add(dense(attention(shape, q, k, v), `${layer}.self_attn.o_proj`));
    const m = rmsNorm(x.ref, at(weights, `${layer}.post_attention_layernorm.weight`));
    const gate = nn.silu(dense(m.ref, `${layer}.mlp.gate_proj`));
    x = x.add(dense(gate.mul(dense(m, `${layer}.mlp.up_proj`)), `${layer}.mlp.down_proj`));
  }
  return np.matmul(rmsNorm(x, at(weights, 'model.norm.weight')), embedding.transpose());
};

/** Logits [N, V] of a GPT-2; it takes all weights and parameters over. */
export const gpt2Logits = (shape: Shape, weights: Arrays, lora: Arrays, ids: np.Array): np.Array => {
  const { sequences, tokens, scale } = shape;
  const dense = (x: np.Array, module: string): np.Array =>
    linear(x, at(weights, `${module}.weight`), lora, module, scale).add(at(weights, `${module}.bias`));
  const norm = (x: np.Array, module: string): np.Array =>
    layerNorm(x, at(weights, `${module}.weight`), at(weights, `${module}.bias`));
  const embedding = at(weights, 'transformer.wte.weight');
  const places = np.array(
    Int32Array.from({ length: sequences * tokens }, (_, i) => i % tokens),
    { dtype: np.int32 },
  );
  let x = np.take(embedding.ref, ids, 0).add(np.take(at(weights, 'transformer.wpe.weight'), places, 0));
  for (let i = 0; i < shape.layers; i++) {
    const layer = `transformer.h.${i}`;
    const [q, k, v] = np.split(dense(norm(x.ref, `${layer}.ln_1`), `${layer}.attn.c_attn`), 3, -1) as [
      np.Array,
      np.Array,
      np.Array,
    ];
    x = x.add(dense(attention(shape, q, k, v), `${layer}.attn.c_proj`));
    const m = nn.gelu(dense(norm(x.ref, `${layer}.ln_2`), `${layer}.mlp.c_fc`), { approximate: true });
    x = x.add(dense(m, `${layer}.mlp.c_proj`));
  }
  return np.matmul(norm(x, 'transformer.ln_f'), embedding.transpose());
};

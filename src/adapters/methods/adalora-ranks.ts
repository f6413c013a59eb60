/**
 * AdaLoRA's rank allocation: from gradients to the singular triplets that stay, as a pure function of state and gradients.
 *
 * Zhang et al., "Adaptive Budget Allocation for Parameter-Efficient Fine-Tuning", https://arxiv.org/abs/2303.10512, section 3.2
 */
import { read } from '../../ops/backend.js';
import { mapRecord, recordOf, type Tensor, type Weights } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { modelPrefix } from '../auxiliary.js';

/** The schedule, in the names of AdaLoraConfig; steps count from 0. */
export interface RankSchedule {
  readonly beta1: number;
  readonly beta2: number;
  readonly deltaT: number;
  readonly target_r: number;
  readonly tfinal: number;
  readonly tinit: number;
  readonly total_step: number | null;
}

/** What allocation remembers between steps; all by parameter name, and owned by the caller. */
export interface RankState {
  /** Smoothed sensitivity of every entry of A, B and E, and how far single steps are from it; none at the start. */
  readonly sensitivity: Weights;
  readonly uncertainty: Weights;
  /** 1 for the triplets that stay and 0 for the others, [r, 1] by the name of E; none before the first choice. */
  readonly kept: Weights | undefined;
}

/** Before the first step. */
export const startOfRanks: RankState = { sensitivity: {}, uncertainty: {}, kept: undefined };

/** The tensors of one triplet A [r, in], B [out, r] and E [r, 1], by name. */
interface Triplet {
  readonly A: string;
  readonly B: string;
  readonly E: string;
}

const triplets = (names: ReadonlyArray<string>): ReadonlyArray<Triplet> =>
  names
    .filter((name) => name.endsWith('.lora_E'))
    .map((E) => {
      const module = E.slice(0, -'lora_E'.length);
      return { A: `${module}lora_A`, B: `${module}lora_B`, E };
    });

/**
 * The number of triplets at a step: all of them through `tinit`, then falling with the cube of the time left, then
 * `target_r` a module from `total_step - tfinal` on; and whether the others are to be cut.
 */
export const rankBudget = (
  c: RankSchedule,
  step: number,
  { first, last }: { readonly first: number; readonly last: number },
): { readonly budget: number; readonly cut: boolean } => {
  const total = c.total_step ?? 0;
  if (step <= c.tinit) return { budget: first, cut: false };
  if (step > total - c.tfinal) return { budget: last, cut: true };
  const left = 1 - (step - c.tinit) / (total - c.tfinal - c.tinit);
  return { budget: Math.trunc((first - last) * left ** 3 + last), cut: step % c.deltaT === 0 };
};

/** I = |p g|, smoothed: S' = b1 S + (1 - b1) I and U' = b2 U + (1 - b2) |I - S'|. */
const measured = (c: RankSchedule, state: RankState, params: Weights, grads: Weights, names: ReadonlyArray<string>) => {
  const entries = names.map((name) => {
    const p = params[name] as Tensor;
    const I = tf.abs(tf.mul(p, grads[name] as Tensor));
    const [S, U] = [state.sensitivity[name] ?? tf.zerosLike(p), state.uncertainty[name] ?? tf.zerosLike(p)];
    const sensitivity = tf.add(tf.mul(S, c.beta1), tf.mul(I, 1 - c.beta1));
    const distance = tf.abs(tf.sub(I, sensitivity));
    return [name, sensitivity, tf.add(tf.mul(U, c.beta2), tf.mul(distance, 1 - c.beta2))] as const;
  });
  return {
    sensitivity: recordOf(entries.map(([name, S]) => [name, S] as const)),
    uncertainty: recordOf(entries.map(([name, , U]) => [name, U] as const)),
  };
};

/** The importance of each triplet, [r]: s(E_i) + mean_j s(A_ij) + mean_j s(B_ji) with s = S U. */
const scoreOf = ({ sensitivity, uncertainty }: RankState, { A, B, E }: Triplet): Tensor => {
  const s = (name: string): Tensor => tf.mul(sensitivity[name] as Tensor, uncertainty[name] as Tensor);
  return tf.add(tf.reshape(s(E), [-1]), tf.add(tf.mean(s(A), 1), tf.mean(s(B), 0)));
};

/** 1 for the triplets that score more than the n-th lowest score of all modules. */
const choice = (state: RankState, all: ReadonlyArray<Triplet>, n: number): Weights => {
  const scores = all.map((t) => scoreOf(state, t));
  const lowest = n > 0 ? tf.topk(tf.neg(tf.concat(scores)), n).values : undefined;
  const threshold = lowest === undefined ? tf.scalar(-1) : tf.neg(tf.slice(lowest, [n - 1], [1]));
  return recordOf(
    all.map(({ E }, i) => [E, tf.reshape(tf.cast(tf.greater(scores[i] as Tensor, threshold), 'float32'), [-1, 1])]),
  );
};

/**
 * One step of allocation, after the optimiser's: measures the importance of all triplets, and sets E to 0 where the budget of the
 * step cuts one. What is cut may come back while the budget still falls; from step `total_step - tfinal` on the choice is final.
 *
 * @param params the adapter's parameters by name, `<...>.lora_A`, `lora_B` and `lora_E`; others are passed on
 * @param grads gradients of the loss at the parameters, by the same names
 * @param step the global step, from 0
 * @returns the next state and the parameters, new tensors where they differ
 */
export const allocateRanks = (
  c: RankSchedule,
  state: RankState,
  { params, grads, step }: { readonly params: Weights; readonly grads: Weights; readonly step: number },
): { readonly state: RankState; readonly params: Weights } => {
  const all = triplets(Object.keys(params));
  const end = (c.total_step ?? 0) - c.tfinal;
  const first = all.reduce((n, { A }) => n + ((params[A] as Tensor).shape[0] as number), 0);
  const { budget, cut } = rankBudget(c, step, { first, last: c.target_r * all.length });
  const names = all.flatMap(({ A, B, E }) => [A, B, E]);
  const now = step < end ? { ...state, ...measured(c, state, params, grads, names) } : state;
  const kept = step <= end && (cut || step === end) ? choice(now, all, first - budget) : undefined;
  const mask = kept ?? (step > end ? state.kept : undefined);
  return {
    state: step === end ? { ...startOfRanks, kept } : { ...now, kept: kept ?? state.kept },
    params:
      mask === undefined
        ? params
        : mapRecord(params, (p, name) => (mask[name] === undefined ? p : tf.mul(p, mask[name]))),
  };
};

/** `rank_pattern` as AdaLoraConfig has it: for each module which of its triplets stay. */
export const rankPatternOf = async (kept: Weights): Promise<Readonly<Record<string, ReadonlyArray<boolean>>>> => {
  const entries: (readonly [string, ReadonlyArray<boolean>])[] = [];
  for (const [name, mask] of Object.entries(kept)) {
    entries.push([name.slice(modelPrefix.length), [...(await read(mask))].map((x) => x !== 0)]);
  }
  return recordOf(entries);
};

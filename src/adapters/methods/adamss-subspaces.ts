/**
 * AdaMSS's adaptive subspace allocation: from gradients to the subspaces that are still trained, as pure functions of state and
 * gradients.
 *
 * Zheng et al., "AdaMSS: Adaptive Multi-Subspace Approach for Parameter-Efficient Fine-Tuning" (NeurIPS 2025), section 3.3
 */
import { read } from '../../ops/backend.js';
import { recordOf, type Tensor, type Weights } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';

/** The schedule, in the names of AdamssConfig; steps count from 0. */
export interface SubspaceSchedule {
  readonly asa_importance_beta: number;
  readonly asa_schedule_exponent: number;
  readonly asa_target_subspaces: number;
  readonly asa_uncertainty_beta: number;
  readonly final_warmup: number;
  readonly init_warmup: number;
  readonly mask_interval: number;
}

/** What allocation remembers between steps; tensors by parameter name, owned by the caller. */
export interface SubspaceState {
  /** Smoothed importance of every entry of A and B, and how far single steps are from it; none after each choice. */
  readonly importance: Weights;
  readonly uncertainty: Weights;
  /** Names of the parameters that are trained no more: frozen where they are, not set to 0. */
  readonly frozen: ReadonlySet<string>;
}

/** Before the first step. */
export const startOfSubspaces: SubspaceState = { importance: {}, uncertainty: {}, frozen: new Set() };

/** The factors of one subspace, by name. */
interface Subspace {
  readonly A: string;
  readonly B: string;
}

const subspacesOf = (names: ReadonlyArray<string>): ReadonlyArray<Subspace> =>
  names.filter((name) => /\.adamss_A\.\d+$/.test(name)).map((A) => ({ A, B: A.replace(/A(\.\d+)$/, 'B$1') }));

const within = (c: SubspaceSchedule, step: number): boolean => step >= c.init_warmup && step <= c.final_warmup;

/**
 * The number of subspaces at a step of the warmup: n = target + (total - target) (1 - t)^exponent rounded down, with t from 0 at
 * `init_warmup` to 1 at `final_warmup`.
 */
export const subspaceBudget = (c: SubspaceSchedule, step: number, total: number): number => {
  const left = Math.max(0, Math.min(1, 1 - (step - c.init_warmup) / (c.final_warmup - c.init_warmup)));
  return Math.trunc(c.asa_target_subspaces + (total - c.asa_target_subspaces) * left ** c.asa_schedule_exponent);
};

/**
 * Measures the importance I = |p g| of every entry that is still trained: U' = b2 U + (1 - b2) |I - S|, S' = b1 S + (1 - b1) I.
 * Outside of the warmup nothing is measured.
 *
 * @param params the adapter's parameters by name, `<...>.adamss_A.<k>` and `adamss_B.<k>`; others do not count
 * @param grads gradients of the loss at the parameters, by the same names
 * @param step the global step, from 0
 * @returns the next state; its tensors are new
 */
export const measureSubspaces = (
  c: SubspaceSchedule,
  state: SubspaceState,
  { params, grads, step }: { readonly params: Weights; readonly grads: Weights; readonly step: number },
): SubspaceState => {
  if (!within(c, step)) return state;
  const names = subspacesOf(Object.keys(params)).flatMap(({ A, B }) => [A, B]);
  const entries = names
    .filter((name) => !state.frozen.has(name))
    .map((name) => {
      const p = params[name] as Tensor;
      const I = tf.abs(tf.mul(p, grads[name] as Tensor));
      const [S, U] = [state.importance[name] ?? tf.zerosLike(p), state.uncertainty[name] ?? tf.zerosLike(p)];
      const distance = tf.abs(tf.sub(I, S));
      const uncertainty = tf.add(tf.mul(U, c.asa_uncertainty_beta), tf.mul(distance, 1 - c.asa_uncertainty_beta));
      const importance = tf.add(tf.mul(S, c.asa_importance_beta), tf.mul(I, 1 - c.asa_importance_beta));
      return { name, importance, uncertainty };
    });
  return {
    ...state,
    importance: recordOf(entries.map((e) => [e.name, e.importance] as const)),
    uncertainty: recordOf(entries.map((e) => [e.name, e.uncertainty] as const)),
  };
};

/** mean(S_A U_A) + mean(S_B U_B) of every subspace, [n]. */
const scores = ({ importance, uncertainty }: SubspaceState, all: ReadonlyArray<Subspace>): Tensor =>
  tf.tidy(() => {
    const mean = (name: string): Tensor => tf.mean(tf.mul(importance[name] as Tensor, uncertainty[name] as Tensor));
    return tf.stack(all.map(({ A, B }) => tf.add(mean(A), mean(B))));
  });

/** Places of the n largest of some values, the first of equal ones. */
const largest = (values: Float32Array, n: number): ReadonlySet<number> =>
  new Set(
    Array.from(values.keys())
      .toSorted((i, j) => (values[j] as number) - (values[i] as number))
      .slice(0, n),
  );

/** What `chooseSubspaces` may be told. */
export interface ChooseOptions {
  /** Keeps one subspace less than the budget, as PEFT does, whose threshold is the last one's own score. */
  readonly likePeft?: boolean;
}

/**
 * Freezes all but the most important subspaces, where the step is one of choice (every `mask_interval` steps of the warmup); what
 * is frozen stays so. The measurement begins anew after each choice.
 *
 * @param state as `measureSubspaces` of the same step left it
 * @param total subspaces of the adapter in all
 * @returns the next state: train `params` without the names in `frozen`
 */
export const chooseSubspaces = async (
  c: SubspaceSchedule,
  state: SubspaceState,
  { step, total }: { readonly step: number; readonly total: number },
  { likePeft = false }: ChooseOptions = {},
): Promise<SubspaceState> => {
  if (!within(c, step) || step % c.mask_interval !== 0) return state;
  const measured = subspacesOf(Object.keys(state.importance));
  const none = { ...startOfSubspaces, frozen: state.frozen };
  if (measured.length === 0) return none;
  const all = scores(state, measured);
  const values = await read(all);
  all.dispose();
  const budget = subspaceBudget(c, step, total);
  const kept = largest(values, budget >= measured.length ? budget : budget - (likePeft ? 1 : 0));
  const dropped = measured.filter((_, i) => !kept.has(i)).flatMap(({ A, B }) => [A, B]);
  return { ...none, frozen: new Set([...state.frozen, ...dropped]) };
};

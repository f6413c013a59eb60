/**
 * Merged and attached adapters on the whole model: the law that users of a merged model rely on.
 */
import { isMergeable } from '../../adapters/combine.js';
import { leavesOf, type Adapter, type Mergeable } from '../../adapters/adapter.js';
import { apply, attach } from '../../adapters/apply.js';
import type { ModelWeights } from '../../adapters/attached.js';
import { specAfter, type Reading } from '../../adapters/compile.js';
import { E } from '../../fp.js';
import { readWeights, type OpenModel } from '../../io/model.js';
import { broken, fine, type Finding } from '../../laws/verdict.js';
import { runModel } from '../../models/any-model.js';
import { anyModelOf } from '../../models/registry.js';
import { parameters, type ModelSpec } from '../../models/spec.js';
import { dispose, read, scope } from '../../ops/backend.js';
import { sizeOf } from '../../ops/tensor.js';
import type { Result } from '../../problem.js';
import { probe } from './probe.js';

/** Models above this many bytes in float32 are looked at layer by layer only. */
const MOST_BYTES = 2 ** 30;

/** Relative error that summation order can make through all layers; PEFT's own tests allow as much. */
const RTOL = 1e-4;

/** The whole-model law, or why it does not apply here. */
export type ModelForward =
  { readonly _tag: 'Skipped'; readonly why: string } | { readonly _tag: 'Found'; readonly finding: Finding };

const skipped = (why: string): ModelForward => ({ _tag: 'Skipped', why });

/** The adapter's tensors that change a key: beside the weights, or in the checkpoint. */
const tensorsAt = (adapter: Adapter, key: string, reading: Reading): string =>
  leavesOf(adapter)
    .flatMap((leaf) => leaf.sites.filter((s) => (reading === 'stored' ? s.stored : [s.key]).includes(key)))
    .flatMap((s) => Object.values(s.tensors))
    .join('\n');

/** Whether a merge changes a tied parameter on both sides where the adapter beside the weights changes one, or each in its way. */
const partsTies = (adapter: Adapter, after: ModelSpec): boolean =>
  after.ties.some(([alias, owner]) =>
    [alias, owner].some((key) => tensorsAt(adapter, key, 'attached') !== tensorsAt(adapter, owner, 'stored')),
  );

/** The reason not to run the model, if there is one. */
const obstacle = (adapter: Adapter, { spec }: OpenModel): string | undefined => {
  const after = specAfter(adapter, spec);
  const bytes = 4 * parameters(after).reduce((n, [, shape]) => n + sizeOf(shape), 0);
  if (!isMergeable(adapter)) return 'the adapter does not merge';
  if (E.isLeft(anyModelOf(after))) return 'Weft has no forward pass for this class';
  if (bytes > MOST_BYTES) return `the model is larger than ${MOST_BYTES / 2 ** 30} GiB in float32`;
  if (partsTies(adapter, after)) return 'one side of a tied parameter is adapted, and a merge changes both';
  return undefined;
};

const largest = (values: Float32Array): number => values.reduce((m, v) => Math.max(m, Math.abs(v)), 0);

const compare = (merged: Float32Array, attached: Float32Array): Finding => {
  const error = merged.reduce((m, v, i) => {
    const d = Math.abs(v - (attached[i] as number));
    return Number.isNaN(d) ? Infinity : Math.max(m, d);
  }, 0);
  const allowed = RTOL * largest(attached);
  return error <= allowed
    ? fine
    : broken(`logits differ by ${error.toPrecision(3)}, allowed ${allowed.toPrecision(3)}`, 'logits');
};

/** forward(apply(a, w), x) = forward(attach(a, w), x) up to rounding, where the model runs and fits. */
export const modelForward = async (adapter: Adapter, model: OpenModel): Promise<Result<ModelForward>> => {
  const why = obstacle(adapter, model);
  if (why !== undefined) return E.right(skipped(why));
  const any = anyModelOf(specAfter(adapter, model.spec));
  if (E.isLeft(any)) return any;
  const weights = await readWeights(model);
  if (E.isLeft(weights)) return weights;
  const logits = async (p: () => ModelWeights): Promise<Float32Array> => {
    const y = scope(() => runModel(any.right, p(), probe(any.right)));
    const values = await read(y);
    y.dispose();
    return values;
  };
  const merged = await logits(() => apply(adapter as Adapter<Mergeable>, weights.right));
  const attached = await logits(() => attach(adapter, weights.right));
  dispose(weights.right);
  return E.right({ _tag: 'Found', finding: compare(merged, attached) });
};

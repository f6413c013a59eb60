/**
 * The four checks of a case: merged weights, forward passes, gradients, saved file.
 */
import { attach } from '../src/adapters/apply.js';
import type { Leaf } from '../src/adapters/adapter.js';
import type { ModelWeights } from '../src/adapters/attached.js';
import { isMergeable } from '../src/adapters/combine.js';
import { specAfter } from '../src/adapters/compile.js';
import { trainable, withTrainable } from '../src/adapters/leaf.js';
import { adalora, orthogonality, type AdaloraConfig } from '../src/adapters/methods/adalora.js';
import { cpt, cptLabels, type CptConfig } from '../src/adapters/methods/cpt.js';
import { osf } from '../src/adapters/methods/osf.js';
import { psoft } from '../src/adapters/methods/psoft.js';
import { E } from '../src/fp.js';
import { checkpointOf, type Checkpoint } from '../src/io/checkpoint.js';
import { memoryWriter } from '../src/io/merge/memory.js';
import { planMerge } from '../src/io/merge/plan.js';
import { runMerge } from '../src/io/merge/run.js';
import { encodeAdapter, readAll } from '../src/io/peft.js';
import { readWeights } from '../src/io/model.js';
import type { RawTensor } from '../src/io/safetensors/write.js';
import { causalCrossEntropy, IGNORED } from '../src/models/loss.js';
import { modelOf } from '../src/models/registry.js';
import { fileKeyOf, ownerOf, parameters, type ModelSpec } from '../src/models/spec.js';
import { dispose, read, scope, tensorOf } from '../src/ops/backend.js';
import type { Tensor, Weights } from '../src/ops/tensor.js';
import { tf } from '../src/ops/tf.js';
import { valueAndGrad } from '../src/ops/value-and-grad.js';
import { renderProblem, renderProblems, type Result } from '../src/problem.js';
import { difference, sameBytes, ulpDifference, valuesOf } from './compare.js';
import type { GoldenCase } from './case.js';
import { routingOf } from './routing.js';
import { toyForward } from './toy.js';

/** What a check came to. */
export type Outcome = 'pass' | 'fail' | 'todo' | 'n/a';

/** A check's outcome, its largest absolute error, and what there is to say. */
export interface Check {
  readonly outcome: Outcome;
  readonly maxError: number;
  readonly why: string;
}

const pass = (maxError = 0): Check => ({ outcome: 'pass', maxError, why: '' });
const failed = (why: string, maxError = 0): Check => ({ outcome: 'fail', maxError, why });
/** Something that this version does not do. */
export const todo = (why: string): Check => ({ outcome: 'todo', maxError: 0, why });
const notApplicable = (why: string): Check => ({ outcome: 'n/a', maxError: 0, why });

/** The least good of several checks. */
const worstOf = (checks: ReadonlyArray<Check>): Check => {
  const order: ReadonlyArray<Outcome> = ['fail', 'todo', 'pass', 'n/a'];
  const found = order.find((o) => checks.some((c) => c.outcome === o)) ?? 'n/a';
  return {
    outcome: found,
    maxError: Math.max(0, ...checks.map((c) => c.maxError)),
    why: checks
      .filter((c) => c.outcome === found && c.why !== '')
      .map((c) => c.why)
      .join('; '),
  };
};

const orThrow = <A>(result: Result<A>): A => {
  if (E.isLeft(result)) throw new Error(renderProblems(result.left));
  return result.right;
};

/**
 * Tolerances: merged weights 1e-5 (1e-6 absolute); outputs and gradients 1e-4, absolute in terms of the largest value. PiSSA, KaSA, PSOFT and
 * OSF take singular triplets of the weights, which PEFT finds in float32: off by 2^-24 sigma^2 / gap, gap the distance to the next one.
 */
const tolerance = { merged: 1e-5, mergedAbsolute: 1e-6, decomposedAbsolute: 1e-5, computed: 1e-4 } as const;

const decomposed = (leaf: Leaf): boolean => {
  const config = leaf.config as { readonly init_lora_weights?: unknown; readonly kasa_config?: unknown };
  return (
    leaf.method === psoft ||
    leaf.method === osf ||
    config.init_lora_weights === 'pissa' ||
    (config.kasa_config ?? null) !== null
  );
};

interface Rounding {
  readonly half: boolean;
  readonly dora: boolean;
  readonly decomposed: boolean;
}

const compareMerged = (
  name: string,
  { half, dora, decomposed }: Rounding,
  ours: RawTensor,
  theirs: RawTensor,
): Check => {
  if (!half) {
    const { worst, maxError } = difference(
      valuesOf(ours),
      valuesOf(theirs),
      tolerance.merged,
      decomposed ? tolerance.decomposedAbsolute : tolerance.mergedAbsolute,
    );
    return worst <= 1 ? pass(maxError) : failed(`merged ${name}: off by ${maxError}`, maxError);
  }
  const { share, maxUlps } = ulpDifference(ours.bytes, theirs.bytes);
  const fine = maxUlps <= 1 && (dora || share <= 0.001);
  const { maxError } = difference(valuesOf(ours), valuesOf(theirs), 1, 1);
  return fine
    ? pass(maxError)
    : failed(`merged ${name}: ${(100 * share).toFixed(2)} % differ, by up to ${maxUlps} ulps`, maxError);
};

/** A merge in memory through the same plan and run as on disk. */
export const mergeInMemory = async (
  c: GoldenCase,
  leaf: Leaf,
): Promise<{ readonly merged: Checkpoint; readonly spec: ModelSpec } | undefined> => {
  if (!isMergeable(leaf)) return undefined;
  const plan = orThrow(planMerge(c.base, leaf, c.spec));
  const { writer, files } = memoryWriter();
  orThrow(await runMerge(plan, c.base, leaf, writer));
  return { merged: orThrow(checkpointOf(files.get('model.safetensors') as Uint8Array)), spec: plan.spec };
};

/**
 * Merged weights: what PEFT changes is equal, everything else is untouched. LN tuning leaves saved modules in their wrapper
 * when it merges, so their names there are the wrapper's.
 */
export const checkMerged = async (c: GoldenCase, leaf: Leaf): Promise<Check> => {
  const result = await mergeInMemory(c, leaf);
  if (result === undefined)
    return c.mergeError === undefined
      ? failed(`refused to merge: ${leaf.reasons.join('. ')}`)
      : notApplicable('neither PEFT nor Weft merges it');
  if (c.mergeError !== undefined) return failed(`merged where PEFT says: ${c.mergeError}`);
  const tensors = orThrow(await readAll(result.merged));
  const base = orThrow(await readAll(c.base));
  const rounding = { half: c.family === 'half', dora: c.id.endsWith('-dora'), decomposed: decomposed(leaf) };
  const stored = (key: string): string => fileKeyOf(result.spec, ownerOf(result.spec, key));
  const expected = [...c.expected].flatMap(([k, v]) =>
    k.startsWith('merged.') && !k.includes('.original_module.')
      ? [[k.slice('merged.'.length).replace('.modules_to_save.default', ''), v] as const]
      : [],
  );
  const named = new Set(expected.map(([key]) => stored(key)));
  return worstOf([
    ...expected.map(([key, theirs]) => {
      const ours = tensors.get(stored(key));
      return ours === undefined ? failed(`merged ${key}: missing`) : compareMerged(key, rounding, ours, theirs);
    }),
    ...[...tensors]
      .filter(([name]) => !named.has(name))
      .map(([name, t]) => {
        // a parameter that the merge unties starts as a copy of its owner
        const before = base.get(name) ?? base.get(fileKeyOf(c.spec, ownerOf(c.spec, name)));
        return before !== undefined && sameBytes(t.bytes, before.bytes)
          ? pass()
          : failed(`${name} changed and should not`);
      }),
  ]);
};

type Forward = (spec: ModelSpec, w: ModelWeights) => Tensor;

const forwardOf = (c: GoldenCase): Forward | string => {
  const input = (name: string): Tensor | undefined => {
    const raw = c.expected.get(`input.${name}`);
    if (raw === undefined) return undefined;
    const values = valuesOf(raw);
    return tensorOf(raw.dtype.startsWith('I') ? Int32Array.from(values) : values, raw.shape);
  };
  if (c.family === 'toy') return (spec, w) => toyForward(spec, w, input('X') as Tensor) as Tensor;
  const model = modelOf(c.spec);
  if (E.isLeft(model)) return model.left.map(renderProblem).join('; ');
  return (spec, w) =>
    orThrow(modelOf(spec))(w, { inputIds: input('input_ids') as Tensor, attentionMask: input('attention_mask') });
};

/** ||a - b|| / ||b|| over a whole tensor. */
const relativeNorm = (a: Float32Array, b: Float32Array): number =>
  Math.sqrt(b.reduce((n, y, i) => n + ((a[i] as number) - y) ** 2, 0) / b.reduce((n, y) => n + y * y, 0));

/**
 * Torch computes half-precision models in that precision, Weft in float32, so single elements differ by torch's rounding;
 * what can be held to a bound is the tensor as a whole, at 32 units of the type.
 */
const halfBound = { BF16: 2 ** -3, F16: 2 ** -6 } as const;

const halfOf = (c: GoldenCase): number | undefined =>
  c.family !== 'half' ? undefined : halfBound[c.id.includes('bf16') ? 'BF16' : 'F16'];

const compareComputed = (name: string, half: number | undefined, ours: Float32Array, theirs: RawTensor): Check => {
  const values = valuesOf(theirs);
  const scale = values.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  const rtol = tolerance.computed;
  const { worst, maxError } = difference(ours, values, rtol, rtol * Math.max(scale, 1e-2));
  const holds = half === undefined ? worst <= 1 : ours.length === values.length && relativeNorm(ours, values) <= half;
  return holds ? pass(maxError) : failed(`${name}: off by ${maxError} (largest value ${scale})`, maxError);
};

/** What a method adds to the loss while it trains. */
const penaltyOf = (leaf: Leaf): Tensor =>
  leaf.method === adalora
    ? tf.mul(orthogonality(leaf.params), (leaf.config as AdaloraConfig).orth_reg_weight)
    : tf.scalar(0);

/** The causal loss; virtual tokens in the logits have no labels, but for CPT's own. */
const tokenLoss = (leaf: Leaf, logits: Tensor, ids: Tensor): Tensor => {
  const [B, T] = ids.shape as [number, number];
  const virtual = (logits.shape[1] as number) - T;
  if (leaf.method === cpt) {
    const own = tf.tensor2d(
      Array.from({ length: B }, () => [...cptLabels(leaf.config as CptConfig)]),
      [B, virtual],
      'int32',
    );
    return causalCrossEntropy(logits, tf.concat([own, ids], 1));
  }
  return causalCrossEntropy(logits, virtual === 0 ? ids : tf.concat([tf.fill([B, virtual], IGNORED, 'int32'), ids], 1));
};

const lossOf = (leaf: Leaf, logits: Tensor, ids: Tensor): Tensor =>
  tf.add(tokenLoss(leaf, logits, ids), penaltyOf(leaf));

/** Outputs of the base, the attached and the merged model, and the language-model loss. */
export const checkForward = async (c: GoldenCase, leaf: Leaf): Promise<Check> => {
  const forward = forwardOf(c);
  if (typeof forward === 'string') return todo(forward);
  const weights = orThrow(await readWeights({ checkpoint: c.base, spec: c.spec }));
  const spec = specAfter(leaf, c.spec);
  const result = await mergeInMemory(c, leaf);
  const merged = result === undefined ? undefined : orThrow(await readWeights({ checkpoint: result.merged, spec }));
  const compare = async (name: string, run: () => Tensor): Promise<Check> => {
    const theirs = c.expected.get(name);
    if (theirs === undefined) return pass();
    const y = scope(run);
    const check = compareComputed(name, halfOf(c), await read(y), theirs);
    y.dispose();
    return check;
  };
  const adapted = (): Tensor => forward(spec, attach(leaf, weights, routingOf(c)));
  const ids = c.expected.get('input.input_ids');
  const checks = [
    await compare('output.base', () => forward(c.spec, weights)),
    await compare('output.adapted', adapted),
    ...(merged === undefined ? [] : [await compare('output.merged', () => forward(spec, merged))]),
    ...(ids === undefined
      ? []
      : [
          await compare('lm_loss', () =>
            tf.reshape(lossOf(leaf, adapted(), tensorOf(Int32Array.from(valuesOf(ids)), ids.shape)), [1]),
          ),
        ]),
  ];
  dispose(weights);
  if (merged !== undefined) dispose(merged);
  return worstOf(checks);
};

/** A parameter's name in an adapter file, from PEFT's name of the parameter in its model. */
const fileName = (name: string, known: ReadonlySet<string>): string => {
  const plain = name.replace('.modules_to_save', '');
  if (/^prompt_encoder\.(embedding\.weight|trainable_embedding|delta_embedding\.weight)$/.test(name))
    return 'prompt_embeddings';
  if (name.startsWith('prompt_encoder.')) return name.slice('prompt_encoder.'.length);
  // a parameter that layers share is known to PEFT by the first of them
  const shared = [...known].find(
    (n) => !n.startsWith('base_model.model.') && plain.endsWith(n.replace('base_model', '')),
  );
  return known.has(plain) ? plain : (shared ?? plain.replace(/\.weight$/, ''));
};

/** Gradients of sum(output * cotangent) with respect to every trainable tensor. */
export const checkGradient = async (c: GoldenCase, leaf: Leaf): Promise<Check> => {
  const forward = forwardOf(c);
  if (typeof forward === 'string') return todo(forward);
  const cotangent = c.expected.get('cotangent');
  const expected = [...c.expected]
    .flatMap(([k, v]) => (k.startsWith('grad.') ? [[k.slice('grad.'.length), v] as const] : []))
    // of these logits the file holds the largest alone, which nothing trains
    .filter(([name]) => !Object.hasOwn(leaf.indices, `${name}_topk_indices`));
  if (cotangent === undefined || expected.length === 0) return notApplicable('no gradients in this case');
  if (expected.some(([name]) => /^prompt_encoder\.(transform|mlp_head|lstm_head)\./.test(name)))
    return notApplicable('PEFT trains a network whose output alone is in the file');
  const weights = orThrow(await readWeights({ checkpoint: c.base, spec: c.spec }));
  const params = trainable(leaf);
  const spec = specAfter(leaf, c.spec);
  const { value, grads } = valueAndGrad((p: Weights) => {
    const y = forward(spec, attach(withTrainable(leaf, p), weights, routingOf(c)));
    return tf.sum(tf.mul(y, tensorOf(valuesOf(cotangent), y.shape)));
  })(params);
  const known = new Set(Object.keys(params));
  const compared = new Set(expected.map(([name]) => fileName(name, known)));
  const checks: Check[] = [...known]
    .filter((n) => !compared.has(n))
    .map((n) => failed(`${n} is trainable here and has no gradient in PEFT`));
  for (const [name, theirs] of expected) {
    const ours = grads[fileName(name, known)];
    // a cartridge's frozen rows come first and have no gradient of their own in PEFT
    checks.push(
      ours === undefined
        ? failed(`no gradient for ${name}`)
        : compareComputed(`grad ${name}`, halfOf(c), (await read(ours)).slice(-valuesOf(theirs).length), theirs),
    );
  }
  value.dispose();
  dispose(grads);
  dispose(weights);
  return worstOf(checks);
};

/** The saved files are PEFT's, byte for byte. */
export const checkFile = async (c: GoldenCase, leaf: Leaf): Promise<Check> => {
  const files = orThrow(await encodeAdapter(leaf));
  return worstOf([
    sameBytes(files.tensors, c.adapterBytes)
      ? pass()
      : failed('adapter_model.safetensors: other bytes than PEFT wrote'),
    files.config === c.configText ? pass() : failed('adapter_config.json: other text than PEFT wrote'),
    ...[...c.nested].map(([name, { config, tensors }]) => {
      const inner = files.nested?.[name];
      return inner !== undefined && inner.config === config && sameBytes(inner.tensors, tensors)
        ? pass()
        : failed(`the files of adapter ${name}: other bytes than PEFT wrote`);
    }),
  ]);
};

/** Parameters of a spec that the base lacks; a spec that does not fit makes every other check meaningless. */
export const missingParameters = (c: GoldenCase): ReadonlyArray<string> =>
  parameters(c.spec).flatMap(([key]) => (c.base.tensors.has(fileKeyOf(c.spec, key)) ? [] : [key]));

/**
 * What models compute, and their loss.
 */
import type { Leaf } from '../src/adapters/adapter.js';
import { attach } from '../src/adapters/apply.js';
import { specAfter } from '../src/adapters/compile.js';
import { adalora, orthogonality, type AdaloraConfig } from '../src/adapters/methods/adalora.js';
import { cpt, cptLabels, type CptConfig } from '../src/adapters/methods/cpt.js';
import { readWeights } from '../src/io/model.js';
import { causalCrossEntropy, IGNORED } from '../src/models/loss.js';
import { dispose, read, scope, tensorOf } from '../src/ops/backend.js';
import type { Tensor } from '../src/ops/tensor.js';
import { tf } from '../src/ops/tf.js';
import type { GoldenCase } from './case.js';
import { mergeInMemory } from './check-merged.js';
import { valuesOf } from './compare.js';
import { compareComputed, halfOf } from './computed.js';
import { forwardOf } from './model-forward.js';
import { orThrow } from './or-throw.js';
import { pass, todo, worstOf, type Check } from './outcome.js';
import { routingOf } from './routing.js';

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

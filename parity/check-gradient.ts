/**
 * Gradients of every trained tensor.
 */
import type { Leaf } from '../src/adapters/adapter.js';
import { attach } from '../src/adapters/apply.js';
import { specAfter } from '../src/adapters/compile.js';
import { trainable, withTrainable } from '../src/adapters/leaf.js';
import { readWeights } from '../src/io/model.js';
import { dispose, read, tensorOf } from '../src/ops/backend.js';
import type { Tensor, Weights } from '../src/ops/tensor.js';
import { tf } from '../src/ops/tf.js';
import { valueAndGrad } from '../src/ops/value-and-grad.js';
import type { GoldenCase } from './case.js';
import { valuesOf } from './compare.js';
import { compareComputed, halfOf } from './computed.js';
import { forwardOf } from './model-forward.js';
import { orThrow } from './or-throw.js';
import { failed, notApplicable, todo, worstOf, type Check } from './outcome.js';
import { routingOf } from './routing.js';

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
  const checks: Check[] = [];
  // what takes no part in this output has no gradient in PEFT, and zeros here
  for (const name of [...known].filter((n) => !compared.has(n))) {
    const ours = await read(grads[name] as Tensor);
    if (ours.some((g) => g !== 0)) checks.push(failed(`${name} has a gradient here and none in PEFT`));
  }
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

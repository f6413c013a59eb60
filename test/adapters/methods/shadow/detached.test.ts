import { describe, expect, it } from 'vitest';
import { attach } from '../../../../src/adapters/apply.js';
import { trainable, withTrainable } from '../../../../src/adapters/leaf.js';
import { detachedShadow, shadowLoss } from '../../../../src/models/detached-shadow.js';
import { generate } from '../../../../src/models/generate.js';
import { causalCrossEntropy } from '../../../../src/models/loss.js';
import { dispose, read } from '../../../../src/ops/backend.js';
import { type Weights } from '../../../../src/ops/tensor.js';
import { tf } from '../../../../src/ops/tf.js';
import { valueAndGrad } from '../../../../src/ops/value-and-grad.js';
import { renderProblems } from '../../../../src/problem.js';
import { integers } from '../../../models/language-models.js';
import { problemsOf, right } from '../../../setup/result.js';
import { detachable, ids, running, free, numbersOf, close, expectedOf, givenOf, prompt } from './running.js';

describe('a shadow on its own', () => {
  it.each(detachable)('computes and generates what PEFT does (%s)', async (id) => {
    const r = await running(id);
    const p = attach(r.leaf, r.weights);
    const alone = right(detachedShadow(r.case.spec, p));
    close(await numbersOf(() => alone.run(p, givenOf(r)).logits), expectedOf(r, 'detached'));
    const before = tf.memory().numTensors;
    expect(right(await generate(alone, p, r.told.prompts, { maxNewTokens: 6 }))).toEqual(r.told.detached);
    expect(tf.memory().numTensors).toBe(before);
    free(r);
  });

  it('is there for mixtures of experts too, which PEFT does not detach', async () => {
    const r = await running('gpt_oss-shadow');
    const p = attach(r.leaf, r.weights);
    const alone = right(detachedShadow(r.case.spec, p));
    const loss = await numbersOf(() => causalCrossEntropy(alone.run(p, givenOf(r)).logits, givenOf(r).inputIds));
    close(loss, expectedOf(r, 'loss.shadow'));
    free(r);
  });

  it('is of weights with a shadow beside them', async () => {
    const r = await running('llama-shadow');
    expect(renderProblems(problemsOf(detachedShadow(r.case.spec, r.weights)))).toContain('a ShadowPEFT adapter beside');
    const alone = right(detachedShadow(r.case.spec, attach(r.leaf, r.weights)));
    expect(() => alone.run(r.weights, { inputIds: integers([prompt]) })).toThrow(/the shadow beside them/);
    free(r);
  });

  it.each(ids)("adds its loss as PEFT does, with PEFT's gradients (%s)", async (id) => {
    const r = await running(id);
    const given = givenOf(r);
    const alone = right(detachedShadow(r.case.spec, attach(r.leaf, r.weights)));
    const { value, grads } = valueAndGrad((params: Weights) => {
      const p = attach(withTrainable(r.leaf, params), r.weights);
      const own = causalCrossEntropy(r.model.run(p, given).logits, given.inputIds);
      return tf.add(own, shadowLoss(alone, p, given, given.inputIds));
    })(trainable(r.leaf));
    close(await read(value), expectedOf(r, 'loss.total'));
    const names = [...r.case.expected.keys()].filter((name) => name.startsWith('total.'));
    expect(names.length).toBeGreaterThan(1);
    for (const name of names) close(await read(grads[name.slice('total.'.length)]!), expectedOf(r, name), 1e-3);
    const weight = r.leaf.config as unknown as { readonly auxiliary_loss_weight: number };
    const penalty = await numbersOf(() => shadowLoss(alone, attach(r.leaf, r.weights), given, given.inputIds));
    close(penalty, [weight.auxiliary_loss_weight * (expectedOf(r, 'loss.shadow')[0] as number)]);
    value.dispose();
    dispose(grads);
    free(r);
  });
});

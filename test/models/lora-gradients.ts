/**
 * Gradients of a LoRA, the same whoever computes the kernels.
 */
import { attach } from '../../src/adapters/apply.js';
import { init } from '../../src/adapters/init.js';
import { trainable, withTrainable } from '../../src/adapters/leaf.js';
import { lora } from '../../src/adapters/methods/lora/lora.js';
import { E } from '../../src/fp.js';
import { causalCrossEntropy } from '../../src/models/loss.js';
import { languageModelOf } from '../../src/models/registry.js';
import { specOf } from '../../src/models/spec-of.js';
import { tensorOf } from '../../src/ops/backend.js';
import { key } from '../../src/ops/random.js';
import { mapRecord, type Weights } from '../../src/ops/tensor.js';
import { valueAndGrad } from '../../src/ops/value-and-grad.js';
import { renderProblems, type Result } from '../../src/problem.js';
import { baseConfig, baseWeights } from './golden.js';

const orThrow = <A>(result: Result<A>): A => {
  if (E.isLeft(result)) throw new Error(renderProblems(result.left));
  return result.right;
};

const TOKENS = 8;

/** Value and gradients of the loss of a base model with a LoRA beside all of its linear layers. */
export const loraGradients = (base: string): Weights => {
  const weights = baseWeights(base);
  const spec = orThrow(
    specOf(
      baseConfig(base),
      mapRecord(weights, (W) => W.shape),
    ),
  );
  const fields = { r: 4, target_modules: 'all-linear', init_lora_weights: false };
  const adapter = orThrow(init(lora, fields, { spec, key: key(1) }));
  const model = orThrow(languageModelOf(spec));
  const inputIds = tensorOf(
    Int32Array.from({ length: 2 * TOKENS }, (_, i) => (i * 37 + 3) % 96),
    [2, TOKENS],
  );
  const { value, grads } = valueAndGrad((p) =>
    causalCrossEntropy(model.run(attach(withTrainable(adapter, p), weights), { inputIds }).logits, inputIds),
  )(trainable(adapter));
  return { value, ...grads };
};

/** Bases that are compared. */
export const bases = ['llama', 'gpt2', 'qwen3'] as const;

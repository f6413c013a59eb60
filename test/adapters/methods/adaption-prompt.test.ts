import { describe, expect, it } from 'vitest';
import { attach } from '../../../src/adapters/apply.js';
import { isMergeable } from '../../../src/adapters/combine.js';
import { withTrainable } from '../../../src/adapters/leaf.js';
import type { ModelWeights } from '../../../src/adapters/attached.js';
import { adaptionPrompt } from '../../../src/adapters/methods/adaption-prompt.js';
import { modelOf as forwardOf } from '../../../src/models/registry.js';
import type { ModelSpec } from '../../../src/models/spec.js';
import { read } from '../../../src/ops/backend.js';
import { tf } from '../../../src/ops/tf.js';
import { E } from '../../../src/fp.js';
import { adapterOf, linearOf, modelOf, problemsOf, shapesOf, weightsOf } from './trial.js';

const conv1D = (name: string, inputs: number, out: number) =>
  ({ name, kind: 'Conv1D', params: { weight: [inputs, out], bias: [out] } }) as const;
const norm = (name: string) => ({ name, kind: 'LayerNorm', params: { weight: [4], bias: [4] } }) as const;

const config = { model_type: 'gpt2', vocab_size: 7, n_embd: 4, n_layer: 2, n_head: 2, n_positions: 8 };

const tiny: ModelSpec = {
  ...modelOf(
    { name: 'transformer.wte', kind: 'Embedding', params: { weight: [7, 4] } },
    { name: 'transformer.wpe', kind: 'Embedding', params: { weight: [8, 4] } },
    ...[0, 1].flatMap((i) => {
      const at = `transformer.h.${i}`;
      return [
        norm(`${at}.ln_1`),
        conv1D(`${at}.attn.c_attn`, 4, 12),
        conv1D(`${at}.attn.c_proj`, 4, 4),
        norm(`${at}.ln_2`),
        conv1D(`${at}.mlp.c_fc`, 4, 16),
        conv1D(`${at}.mlp.c_proj`, 16, 4),
      ];
    }),
    norm('transformer.ln_f'),
    { name: 'lm_head', kind: 'Linear', params: { weight: [7, 4] } },
  ),
  modelType: 'gpt2',
  ties: [['lm_head.weight', 'transformer.wte.weight']],
  config,
};

const on = { adapter_len: 3, adapter_layers: 1 };

describe('Adaption prompts', () => {
  it.each([
    [{ adapter_len: null }, 'adapter_len'],
    [{ adapter_layers: 0 }, 'adapter_layers'],
    [{ adapter_layers: 3 }, 'at most the 2 layers of the model'],
    [{ target_modules: ['attn'] }, 'the name of the attention modules'],
    [{ target_modules: 'mlp' }, 'at most the 0 layers'],
  ])('refuses %j', (fields, why) => expect(problemsOf(adaptionPrompt, { ...on, ...fields }, tiny)).toContain(why));

  it('knows the model types that PEFT knows', () => {
    const other = { ...modelOf(linearOf('layers.0.self_attn.k_proj', 4, 4)), modelType: 'qwen2' };
    expect(problemsOf(adaptionPrompt, on, other)).toContain('llama, mistral, gpt2');
  });

  it('acts on the top layers, and cannot merge', () => {
    const leaf = adapterOf(adaptionPrompt, on, tiny);
    expect(shapesOf(leaf)).toEqual({
      'base_model.model.transformer.h.1.attn.adaption_prompt': [1, 3, 4],
      'base_model.model.transformer.h.1.attn.adaption_gate': [1],
    });
    expect(isMergeable(leaf)).toBe(false);
  });

  it('starts at the base, and looks at its tokens when the gate opens', async () => {
    const leaf = adapterOf(adaptionPrompt, on, tiny);
    const weights = weightsOf(tiny);
    const forward = forwardOf(tiny);
    if (E.isLeft(forward)) throw new Error('a config of GPT-2');
    const inputIds = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3], 'int32');
    const run = (p: ModelWeights) => read(forward.right(p, { inputIds }));
    const base = await run(weights);
    expect(await run(attach(leaf, weights))).toEqual(base);
    const open = withTrainable(leaf, {
      'base_model.model.transformer.h.1.attn.adaption_gate': tf.tensor1d([2]),
    });
    const adapted = await run(attach(open, weights));
    expect(Math.max(...adapted.map((x, i) => Math.abs(x - base[i]!)))).toBeGreaterThan(1e-2);
  });
});

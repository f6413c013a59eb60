import { describe, expect, it } from 'vitest';
import { readCase } from '../../../parity/case.js';
import { attach } from '../../../src/adapters/apply.js';
import { init } from '../../../src/adapters/init.js';
import { lora } from '../../../src/adapters/methods/lora/lora.js';
import { readWeights } from '../../../src/io/model.js';
import { prefill, step } from '../../../src/models/decode.js';
import { languageModelOf } from '../../../src/models/registry.js';
import { dispose, read, scope } from '../../../src/ops/backend.js';
import { key } from '../../../src/ops/random.js';
import type { Tensor } from '../../../src/ops/tensor.js';
import { fileURLToPath } from 'node:url';
import { integers } from '../../models/language-models.js';
import { right } from '../../setup/result.js';

const invocation = [5, 9];
/** Invoked, invoked twice, invoked by its last tokens, not at all; the rest follows token by token. */
const prompts = [[7, 5, 9, 20], [5, 9, 4, 5, 9, 33], [11, 12, 5, 9], [3]];
const rest = [40, 5, 9, 8];

describe('activated LoRA in generation', () => {
  it("acts on every token from the prompt's last invocation on, and nothing generated invokes it", async () => {
    const folder = fileURLToPath(new URL('../../golden/cases/lm/llama-lora-default', import.meta.url));
    const c = await readCase(folder);
    const weights = right(await readWeights({ checkpoint: c.base, spec: c.spec }));
    const model = right(languageModelOf(c.spec));
    const config = { r: 2, target_modules: ['q_proj', 'down_proj'], init_lora_weights: false };
    const leaf = right(
      init(lora, { ...config, alora_invocation_tokens: invocation }, { spec: c.spec, key: key(3), weights }),
    );
    const valuesOf = async (f: () => Tensor): Promise<Float32Array> => {
      const y = scope(f);
      const values = await read(y);
      y.dispose();
      return values;
    };
    const together = await valuesOf(() => {
      const p = attach(leaf, weights, { inputIds: prompts });
      return rest.reduce(
        (at, id) =>
          step(
            model,
            p,
            prompts.map(() => id),
            at,
          ),
        prefill(model, p, prompts),
      ).logits;
    });
    const V = together.length / prompts.length;
    for (const [i, prompt] of prompts.entries()) {
      // the whole text at once, with the invocation of the prompt alone: what follows is hidden behind another token
      const hidden = [...prompt, ...rest.map(() => 0)];
      const alone = await valuesOf(
        () =>
          model.run(attach(leaf, weights, { inputIds: [hidden] }), {
            inputIds: integers([[...prompt, ...rest]]),
            logitsToKeep: 1,
          }).logits,
      );
      const row = together.subarray(i * V, (i + 1) * V);
      const scale = Math.max(...alone.map(Math.abs));
      row.forEach((v, j) => expect(Math.abs(v - (alone[j] as number))).toBeLessThan(1e-4 * scale));
    }
    const plain = await valuesOf(
      () => model.run(weights, { inputIds: integers([[3, ...rest]]), logitsToKeep: 1 }).logits,
    );
    together.subarray(3 * V).forEach((v, j) => expect(v).toBeCloseTo(plain[j] as number, 3));
    const invoked = await valuesOf(
      () =>
        model.run(weights, { inputIds: integers([[...(prompts[0] as number[]), ...rest]]), logitsToKeep: 1 }).logits,
    );
    expect(Math.max(...invoked.map((v, j) => Math.abs(v - (together[j] as number))))).toBeGreaterThan(0.01);
    [leaf.params, weights].forEach((record) => dispose(record));
  });
});

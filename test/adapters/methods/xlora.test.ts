import { cp, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCase, type GoldenCase } from '../../../parity/case.js';
import { attach } from '../../../src/adapters/apply.js';
import type { Leaf } from '../../../src/adapters/adapter.js';
import { compose, isMergeable, mergeable } from '../../../src/adapters/combine.js';
import { decodeAdapter, type AdapterFiles } from '../../../src/adapters/decode.js';
import { trainable } from '../../../src/adapters/leaf.js';
import { mixtureOf } from '../../../src/adapters/methods/xlora/from-experts.js';
import { nestedLeaves } from '../../../src/adapters/nested.js';
import { tensorsOf } from '../../../src/adapters/updates/tensors.js';
import { readWeights } from '../../../src/io/model.js';
import { readAdapterFiles, saveAdapter } from '../../../src/io/peft.js';
import { prefill, step } from '../../../src/models/decode.js';
import { generate } from '../../../src/models/generate.js';
import type { LanguageModel } from '../../../src/models/model.js';
import { languageModelOf } from '../../../src/models/registry.js';
import { dispose, read, scope } from '../../../src/ops/backend.js';
import { key } from '../../../src/ops/random.js';
import type { Tensor, Weights } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { renderProblems } from '../../../src/problem.js';
import { integers } from '../../models/language-models.js';
import { problemsOf, right } from '../../setup/result.js';

const folderOf = (id: string): string => fileURLToPath(new URL(`../../golden/cases/lm/${id}`, import.meta.url));

const ids = ['gpt2-xlora', 'llama-xlora', 'llama-xlora-bias', 'llama-xlora-layerwise', 'llama-xlora-topk'] as const;

/** A case with its model, weights and adapter on the backend. */
interface Running {
  readonly case: GoldenCase;
  readonly leaf: Leaf;
  readonly weights: Weights;
  readonly model: LanguageModel;
}

const running = async (id: string): Promise<Running> => {
  const c = await readCase(folderOf(id));
  return {
    case: c,
    leaf: right(decodeAdapter(c.files, c.spec)).adapter,
    weights: right(await readWeights({ checkpoint: c.base, spec: c.spec })),
    model: right(languageModelOf(c.spec)),
  };
};

const free = ({ leaf, weights }: Running): void => [leaf.params, weights].forEach((record) => dispose(record));

const valuesOf = async (f: () => Tensor): Promise<Float32Array> => {
  const y = scope(f);
  const values = await read(y);
  y.dispose();
  return values;
};

const prompt = [5, 17, 3, 40, 8, 21];

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-xlora-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('X-LoRA in a model', () => {
  it.each(ids)('generates what PEFT generates without a cache (%s)', async (id) => {
    const r = await running(id);
    const { generated } = JSON.parse(await readFile(join(folderOf(id), 'case.json'), 'utf8')) as {
      generated: number[];
    };
    const before = tf.memory().numTensors;
    const p = scope(() => attach(r.leaf, r.weights));
    const found = await generate(r.model, p, [generated.slice(0, -6)], { maxNewTokens: 6 });
    expect(right(found)).toEqual([generated.slice(-6)]);
    const kept = new Set(Object.values(r.leaf.params));
    new Set(Object.values(p.updates).flatMap(tensorsOf)).forEach((t) => (kept.has(t) ? undefined : t.dispose()));
    expect(tf.memory().numTensors).toBe(before);
    free(r);
  });

  it.each([...ids, 'llama-xlora-embedding'])('continues both passes from its cache (%s)', async (id) => {
    const r = await running(id);
    const whole = await valuesOf(
      () => r.model.run(attach(r.leaf, r.weights), { inputIds: integers([prompt]), logitsToKeep: 1 }).logits,
    );
    const stepped = await valuesOf(() => {
      const p = attach(r.leaf, r.weights);
      const start = prefill(r.model, p, [prompt.slice(0, -2)]);
      return prompt.slice(-2).reduce((at, id_) => step(r.model, p, [id_], at), start).logits;
    });
    const scale = Math.max(...whole.map(Math.abs));
    stepped.forEach((v, i) => expect(Math.abs(v - (whole[i] as number))).toBeLessThan(1e-4 * scale));
    free(r);
  });

  it('is one expert where there is one, and any mixture of equal experts is this expert', async () => {
    const r = await running('llama-xlora');
    const [, one] = nestedLeaves(r.leaf)[0]!;
    const expert = right(one);
    const fields = { hidden_size: 32, task_type: 'CAUSAL_LM' };
    const plain = await valuesOf(() => r.model.run(attach(expert, r.weights), { inputIds: integers([prompt]) }).logits);
    for (const n of [1, 3]) {
      const mixture = right(mixtureOf(Array<Leaf>(n).fill(expert), fields, { spec: r.case.spec, key: key(n) }));
      const mixed = await valuesOf(
        () => r.model.run(attach(mixture, r.weights), { inputIds: integers([prompt]) }).logits,
      );
      mixed.forEach((v, i) => expect(v).toBeCloseTo(plain[i] as number, 4));
      dispose(mixture.params, { keep: expert.params });
    }
    free(r);
  });

  it('takes one router', async () => {
    const r = await running('llama-xlora');
    const twice = compose(r.leaf, r.leaf);
    expect(() => scope(() => r.model.run(attach(twice, r.weights), { inputIds: integers([prompt]) }).logits)).toThrow(
      /one router/,
    );
    free(r);
  });
});

describe('X-LoRA as a value', () => {
  it('shares its experts, starts as nn.Linear does and trains its network alone', async () => {
    const r = await running('llama-xlora');
    const experts = nestedLeaves(r.leaf).map(([, leaf]) => right(leaf));
    const made = (fields: object) =>
      right(mixtureOf(experts, { hidden_size: 32, ...fields }, { spec: r.case.spec, key: key(1) }));
    const fresh = made({ xlora_depth: 2, xlora_size: 64, xlora_dropout_p: 0 });
    const network = Object.keys(trainable(fresh));
    expect(network).toEqual(
      [0, 2].flatMap((i) => ['weight', 'bias'].map((p) => `base_model.internal_xlora_classifier.layers.${i}.${p}`)),
    );
    for (const [name, bound] of [
      [network[0]!, 1 / Math.sqrt(32)],
      [network[1]!, 1 / Math.sqrt(32)],
      [network[2]!, 1 / 8],
      [network[3]!, 1 / 8],
    ] as const) {
      const values = await read(fresh.params[name]!);
      expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(bound);
      if (values.length > 40) expect(Math.max(...values)).toBeGreaterThan(0.9 * bound);
    }
    expect(fresh.params['0/base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight']).toBe(
      experts[0]!.params['base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight'],
    );
    const all = made({ use_trainable_adapters: true });
    expect(Object.keys(trainable(all))).toHaveLength(Object.keys(all.params).length);
    expect(isMergeable(r.leaf)).toBe(false);
    expect(renderProblems(problemsOf(mergeable(r.leaf)))).toContain('every token mixes');
    [fresh, all].forEach((leaf) => dispose(leaf.params, { keep: r.leaf.params }));
    free(r);
  });

  it('says what does not fit', async () => {
    const c = await readCase(folderOf('llama-xlora'));
    const config = c.files.config as Readonly<Record<string, unknown>>;
    const why = (changed: object, files: Partial<AdapterFiles> = {}): string =>
      renderProblems(problemsOf(decodeAdapter({ ...c.files, ...files, config: { ...config, ...changed } }, c.spec)));
    const expert = (changed: object): Partial<AdapterFiles> => {
      const nested = new Map(c.files.nested);
      const first = nested.get('0')!;
      nested.set('0', { ...first, config: { ...(first.config as object), ...changed } });
      return { nested };
    };
    expect(why({ adapters: {} })).toContain('at least one LoRA adapter');
    expect(why({ adapters: { a: '0', b: '1' } })).toContain('the names "0", "1"');
    expect(why({ hidden_size: 64 })).toContain('32, as the model has it');
    expect(why({ hidden_size: null })).toContain('PEFT takes 4096');
    expect(why({ top_k_lora: 3 })).toContain('at most the 2 adapters');
    expect(why({ softmax_temperature: 0 })).toContain('a number other than 0');
    expect(why({ xlora_depth: 0 })).toContain('greater than 0');
    expect(why({}, { nested: new Map() })).toContain('its path alone, "0"');
    expect(why({}, expert({ use_dora: true }))).toMatch(/0\/adapter_config.json.*\n?.*plain LoRA/);
    expect(why({}, expert({ modules_to_save: ['lm_head'] }))).toContain('only low-rank changes are mixed');
    expect(why({}, expert({ bias: 'all' }))).toContain('only low-rank changes are mixed');
    expect(why({}, expert({ init_lora_weights: 'pissa' }))).toContain('experts share it');
    expect(why({}, expert({ peft_type: 'LOHA' }))).toContain('LORA');
    expect(why({}, expert({ r: 5 }))).toContain('[5, 32]');
  });

  it('names the layers that PEFT loses, and why', async () => {
    const c = await readCase(folderOf('llama-xlora-layerwise'));
    const saved = new Map([...c.files.tensors].filter(([name]) => !name.includes('.layers.0.')));
    const why = renderProblems(problemsOf(decodeAdapter({ ...c.files, tensors: saved }, c.spec)));
    expect(why).toContain('internal_xlora_classifier.layers.0.weight');
    expect(why).toContain('whose number is also the name of an adapter');
  });

  it('warns as PEFT does', async () => {
    const c = await readCase(folderOf('llama-xlora'));
    const warnings = (changed: object): string => {
      const decoded = right(
        decodeAdapter({ ...c.files, config: { ...(c.files.config as object), ...changed } }, c.spec),
      );
      dispose(decoded.adapter.params);
      return decoded.warnings.join('\n');
    };
    expect(warnings({})).toBe('');
    expect(warnings({ enable_softmax_topk: true })).toMatch(/top_k_lora is not set[^]*two softmaxes/);
    expect(warnings({ enable_softmax: false, enable_softmax_topk: true, top_k_lora: 1 })).toBe('');
    expect(warnings({ top_k_lora: 0 })).toContain('no adapter ever acts');
  });
});

describe('X-LoRA folders', () => {
  it('are written and read with their experts inside, byte for byte', async () => {
    const c = await readCase(folderOf('llama-xlora-layerwise'));
    const { adapter } = right(decodeAdapter(c.files, c.spec));
    const out = join(folder, 'saved');
    right(await saveAdapter(out, adapter));
    expect((await readdir(out)).toSorted()).toEqual(['0', '1', 'adapter_config.json', 'adapter_model.safetensors']);
    for (const inner of ['.', '0', '1'])
      for (const name of ['adapter_config.json', 'adapter_model.safetensors'])
        expect(await readFile(join(out, inner, name))).toEqual(
          await readFile(join(folderOf('llama-xlora-layerwise'), inner, name)),
        );
    dispose(adapter.params);
  });

  it('find experts by name, by a path inside, or where the caller says, and never elsewhere', async () => {
    const at = join(folder, 'moved');
    await cp(folderOf('llama-xlora'), at, { recursive: true });
    const text = await readFile(join(at, 'adapter_config.json'), 'utf8');
    const named = async (path: string): Promise<void> => {
      await writeFile(join(at, 'adapter_config.json'), text.replace('"0": "0"', `"0": ${JSON.stringify(path)}`));
    };
    await named('./experts');
    await rename(join(at, '0'), join(at, 'experts'));
    expect(right(await readAdapterFiles(at)).nested?.get('0')?.tensors.size).toBe(8);
    await rename(join(at, 'experts'), join(folder, 'outside'));
    for (const path of ['../outside', join(folder, 'outside'), 'someone/on-the-hub']) {
      await named(path);
      const found = renderProblems(problemsOf(await readAdapterFiles(at)));
      expect(found).toContain('which is not inside');
      expect(found).toContain(JSON.stringify(path).slice(1, -1));
    }
    const given = right(await readAdapterFiles(at, { nested: { '0': join(folder, 'outside') } }));
    expect(given.nested?.get('0')?.tensors.size).toBe(8);
  });
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { init } from '../../../../src/adapters/init.js';
import type { ShadowDetail } from '../../../../src/adapters/methods/shadow/layout.js';
import { shadow } from '../../../../src/adapters/methods/shadow/shadow.js';
import { stacks } from '../../../../src/adapters/methods/shadow/stack.js';
import { specOf } from '../../../../src/models/spec-of.js';
import { decoderShapes } from '../../../../src/models/spec/decoder-shapes.js';
import type { ModelSpec } from '../../../../src/models/spec.js';
import { dispose } from '../../../../src/ops/backend.js';
import { key } from '../../../../src/ops/random.js';
import { mapRecord, recordOf } from '../../../../src/ops/tensor.js';
import { right } from '../../../setup/result.js';
import type { Config } from './running.js';

/** A shadow that PEFT built. */
interface Mirror {
  readonly model_type: string;
  readonly architecture: string;
  readonly base: Config;
  readonly shadow: Config;
  readonly config: Config;
  readonly shapes: Readonly<Record<string, ReadonlyArray<number>>>;
}

const mirrors = JSON.parse(
  readFileSync(new URL('../../../golden/shadow/mirrors.json', import.meta.url), 'utf8'),
) as ReadonlyArray<Mirror>;

/** A base model as its config.json describes it, without weights. */
const baseOf = ({ model_type: type, architecture, base }: Mirror): ModelSpec => {
  const { path } = stacks[type]!;
  const shapes = right(decoderShapes[type]!(base)).map(([name, shape]) => [`${path}.${name}`, shape] as const);
  return right(specOf({ model_type: type, architectures: [architecture], ...base }, recordOf(shapes)));
};

/** GPT-2's names of sizes. */
const gpt2Names: Readonly<Record<string, string>> = {
  num_hidden_layers: 'n_layer',
  hidden_size: 'n_embd',
  num_attention_heads: 'n_head',
};

describe('the shadow that PEFT builds', () => {
  it.each(mirrors.map((m) => [m.model_type, JSON.stringify(m.shadow), m] as const))(
    'has its sizes (%s %s)',
    (_, __, m) => {
      const leaf = right(init(shadow, { task_type: 'CAUSAL_LM', ...m.shadow }, { spec: baseOf(m), key: key(1) }));
      const own = Object.entries(leaf.params).filter(([name]) => !name.startsWith('base_model.model.'));
      expect(mapRecord(recordOf(own), ({ shape }) => shape)).toEqual(m.shapes);
      const detail = leaf.sites.map((site) => site.detail as ShadowDetail).find((d) => d._tag === 'Shadow')!;
      const { config } = (detail as Extract<ShadowDetail, { _tag: 'Shadow' }>).spec;
      const named = (name: string): string => (m.model_type === 'gpt2' ? (gpt2Names[name] ?? name) : name);
      const told = Object.keys(m.config).filter((name) => named(name) in config);
      expect(told).toEqual(expect.arrayContaining(['num_hidden_layers', 'hidden_size']));
      expect(told.includes('layer_types')).toBe('layer_types' in m.config);
      for (const name of told) expect(config[named(name)], name).toEqual(m.config[name]);
      dispose(leaf.params);
    },
  );
});

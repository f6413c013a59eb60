/**
 * Folders of a model and of a LoRA adapter, which every contender reads.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serialize } from '../../src/io/safetensors/write.js';
import type { Shape } from '../../src/ops/tensor.js';
import { hashed } from '../hashed.js';
import { orThrow } from '../../parity/or-throw.js';
import type { Architecture } from './architectures.js';

const SCALE = 0.05;

/** Norms begin near 1, as in trained models; everything else is small. */
const valuesOf = (name: string, seed: number, shape: Shape): Float32Array => {
  const isNorm = /(norm|ln_\w+)\.weight$/.test(name);
  return hashed(seed, shape, SCALE).map((v) => (isNorm ? 1 + v : v));
};

const write = (path: string, tensors: ReadonlyArray<readonly [string, Shape]>): void => {
  const raw = tensors.map(([name, shape], i) => {
    const { buffer } = valuesOf(name, i + 1, shape);
    return [name, { dtype: 'F32', shape, bytes: new Uint8Array(buffer) }] as const;
  });
  writeFileSync(path, orThrow(serialize(new Map(raw), new Map([['format', 'pt']]))));
};

/** Writes the model into `<folder>/base`; gives that folder. */
export const writeBase = (folder: string, { config, shapes }: Architecture): string => {
  const base = join(folder, 'base');
  mkdirSync(base, { recursive: true });
  writeFileSync(join(base, 'config.json'), JSON.stringify(config, null, 2));
  write(join(base, 'model.safetensors'), Object.entries(shapes));
  return base;
};

/** Writes a LoRA of rank r whose factors are both other than 0, as after some training, into `<folder>/adapter`; gives that folder. */
export const writeLora = (folder: string, { adapted, targets, config }: Architecture, r: number): string => {
  const adapter = join(folder, 'adapter');
  mkdirSync(adapter, { recursive: true });
  const fields = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    r,
    lora_alpha: 2 * r,
    target_modules: targets,
    fan_in_fan_out: config['model_type'] === 'gpt2',
  };
  writeFileSync(join(adapter, 'adapter_config.json'), JSON.stringify(fields, null, 2));
  write(
    join(adapter, 'adapter_model.safetensors'),
    adapted.flatMap(([module, inputs, outputs]) => [
      [`base_model.model.${module}.lora_A.weight`, [r, inputs]],
      [`base_model.model.${module}.lora_B.weight`, [outputs, r]],
    ]),
  );
  return adapter;
};

/**
 * One adapter on its way to PEFT and back: made and saved by Weft, then compared.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Leaf } from '../src/adapters/adapter.js';
import { apply, attach } from '../src/adapters/apply.js';
import type { ModelWeights } from '../src/adapters/attached.js';
import { mergeable } from '../src/adapters/combine.js';
import { specAfter } from '../src/adapters/compile.js';
import { init } from '../src/adapters/init.js';
import { likePeft } from '../src/adapters/like-peft.js';
import { trainable, withTrainable } from '../src/adapters/leaf.js';
import { lora } from '../src/adapters/methods/lora/lora.js';
import { checkpointOf } from '../src/io/checkpoint.js';
import { openModel, readWeights } from '../src/io/model.js';
import { adapterFileNames, readAll, saveAdapter } from '../src/io/peft.js';
import type { RawTensor } from '../src/io/safetensors/write.js';
import { modelOf } from '../src/models/registry.js';
import type { ModelSpec } from '../src/models/spec.js';
import { dispose, read, scope, tensorOf } from '../src/ops/backend.js';
import { key, normal, split, type Key } from '../src/ops/random.js';
import { mapRecord, type Weights } from '../src/ops/tensor.js';
import { tf } from '../src/ops/tf.js';
import { difference, sameBytes, valuesOf } from './compare.js';
import type { InteropCase } from './interop-cases.js';
import { orThrow } from './or-throw.js';

/** What the Python side is asked. */
export interface Job {
  readonly base: string;
  readonly adapter: string;
  readonly ids: ReadonlyArray<ReadonlyArray<number>>;
  /** Folder for results. */
  readonly out: string;
}

/** A saved adapter and what Weft computes with it. */
export interface Prepared {
  readonly name: string;
  readonly job: Job;
  /** Logits of base, adapted and merged model. */
  readonly logits: Readonly<Record<'base' | 'adapted' | 'merged', Float32Array>>;
}

/** One line of the table: what failed, nothing when all is well, and the largest errors. */
export interface Outcome {
  readonly problems: ReadonlyArray<string>;
  readonly errors: Readonly<Record<'base' | 'adapted' | 'merged', number>>;
}

const RTOL = 1e-4;

/** Two sequences that hold every token of the golden bases' vocabulary but the last. */
const ids = [Array.from({ length: 48 }, (_, i) => i), Array.from({ length: 48 }, (_, i) => (7 * i + 47) % 95)];

/** The adapter as training might leave it: every trainable number moved at random. */
const trained = (leaf: Leaf, k: Key): Leaf => {
  const keys = split(k, leaf.trainable.length);
  const moved = mapRecord(trainable(leaf), (t, name) =>
    scope(() => tf.add(t, normal(keys[leaf.trainable.indexOf(name)] as Key, t.shape, 0, 0.1))),
  );
  return withTrainable(leaf, moved) as Leaf;
};

const logitsOf = async (spec: ModelSpec, weights: ModelWeights): Promise<Float32Array> => {
  const forward = orThrow(modelOf(spec));
  const [B, T] = [ids.length, (ids[0] as ReadonlyArray<number>).length];
  const y = scope(() => forward(weights, { inputIds: tensorOf(Int32Array.from(ids.flat()), [B, T]) }));
  const values = await read(y);
  y.dispose();
  return values;
};

const compute = async (spec: ModelSpec, leaf: Leaf, weights: Weights): Promise<Prepared['logits']> => {
  const after = specAfter(leaf, spec);
  // PEFT's merge, where it differs from PEFT's own unmerged forward pass.
  const merged = apply(orThrow(mergeable(likePeft(leaf))), weights);
  const logits = {
    base: await logitsOf(spec, weights),
    adapted: await logitsOf(after, attach(leaf, weights)),
    merged: await logitsOf(after, merged),
  };
  dispose(merged, { keep: weights });
  return logits;
};

/** Makes an adapter, saves it into `folder`/adapter and computes its logits. */
export const prepare = async (c: InteropCase, base: string, folder: string, seed: number): Promise<Prepared> => {
  const model = orThrow(await openModel(base));
  const { spec, checkpoint } = model;
  const weights = orThrow(await readWeights(model));
  const [start, noise] = split(key(seed)) as [Key, Key];
  const leaf = trained(
    orThrow(init(lora, { task_type: 'CAUSAL_LM', ...c.config }, { spec, key: start, weights })),
    noise,
  );
  const job: Job = { base, adapter: join(folder, 'adapter'), ids, out: folder };
  orThrow(await saveAdapter(job.adapter, leaf));
  const logits = await compute(spec, leaf, weights);
  dispose(weights);
  dispose(leaf.params);
  await checkpoint.close();
  return { name: `${c.base}: ${c.name}`, job, logits };
};

type Tensors = ReadonlyMap<string, RawTensor>;

const tensorsIn = async (path: string): Promise<Tensors> =>
  orThrow(await readAll(orThrow(checkpointOf(await readFile(path), path))));

/** PEFT tells of names that it misses or does not know by warnings alone. */
const keyWarnings = async (folder: string): Promise<ReadonlyArray<string>> =>
  (JSON.parse(await readFile(join(folder, 'messages.json'), 'utf8')) as ReadonlyArray<string>).filter((m) =>
    /missing adapter keys|unexpected keys/i.test(m),
  );

/** Compares with what PEFT wrote into the job's folder. */
export const compare = async ({ job, logits }: Prepared): Promise<Outcome> => {
  const theirs = await tensorsIn(join(job.out, 'logits.safetensors'));
  const compared = (['base', 'adapted', 'merged'] as const).map((name) => {
    const expected = valuesOf(theirs.get(name) as RawTensor);
    const scale = expected.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    return { name, ...difference(logits[name], expected, RTOL, RTOL * scale) };
  });
  const [saved, resaved] = await Promise.all(
    [job.adapter, join(job.out, 'resaved')].map((f) => tensorsIn(join(f, adapterFileNames.tensors))),
  );
  // PEFT adds the embeddings' own weights where they are targeted.
  const lost = [...(saved as Tensors)].filter(([name, { bytes }]) => {
    const again = resaved?.get(name);
    return again === undefined || !sameBytes(bytes, again.bytes);
  });
  return {
    problems: [
      ...compared.filter((c) => c.worst > 1).map((c) => `${c.name} logits differ`),
      ...(difference(logits.adapted, logits.base, 0, 1e-2).worst > 1 ? [] : ['the adapter changes nothing']),
      ...lost.map(([name]) => `PEFT saves another ${name} than it loaded`),
      ...(await keyWarnings(job.out)),
    ],
    errors: Object.fromEntries(compared.map((c) => [c.name, c.maxError])) as Outcome['errors'],
  };
};

/**
 * Merged weights.
 */
import type { Leaf } from '../src/adapters/adapter.js';
import { isMergeable } from '../src/adapters/combine.js';
import { osf } from '../src/adapters/methods/osf.js';
import { psoft } from '../src/adapters/methods/psoft.js';
import { checkpointOf, type Checkpoint } from '../src/io/checkpoint.js';
import { memoryWriter } from '../src/io/merge/memory.js';
import { planMerge } from '../src/io/merge/plan.js';
import { runMerge } from '../src/io/merge/run.js';
import { readAll } from '../src/io/peft.js';
import type { RawTensor } from '../src/io/safetensors/write.js';
import { fileKeyOf, ownerOf, type ModelSpec } from '../src/models/spec.js';
import type { GoldenCase } from './case.js';
import { difference, sameBytes, ulpDifference, valuesOf } from './compare.js';
import { orThrow } from './or-throw.js';
import { failed, notApplicable, pass, worstOf, type Check } from './outcome.js';

/**
 * Tolerances: 1e-5 (1e-6 absolute). PiSSA, KaSA, PSOFT and OSF take singular triplets of the weights, which PEFT finds in float32: off
 * by 2^-24 sigma^2 / gap, gap the distance to the next one.
 */
const tolerance = { relative: 1e-5, absolute: 1e-6, decomposedAbsolute: 1e-5 } as const;

const decomposed = (leaf: Leaf): boolean => {
  const config = leaf.config as { readonly init_lora_weights?: unknown; readonly kasa_config?: unknown };
  return (
    leaf.method === psoft ||
    leaf.method === osf ||
    config.init_lora_weights === 'pissa' ||
    (config.kasa_config ?? null) !== null
  );
};

interface Rounding {
  readonly half: boolean;
  readonly dora: boolean;
  readonly decomposed: boolean;
}

const compareMerged = (
  name: string,
  { half, dora, decomposed }: Rounding,
  ours: RawTensor,
  theirs: RawTensor,
): Check => {
  if (!half) {
    const { worst, maxError } = difference(
      valuesOf(ours),
      valuesOf(theirs),
      tolerance.relative,
      decomposed ? tolerance.decomposedAbsolute : tolerance.absolute,
    );
    return worst <= 1 ? pass(maxError) : failed(`merged ${name}: off by ${maxError}`, maxError);
  }
  const { share, maxUlps } = ulpDifference(ours.bytes, theirs.bytes);
  const fine = maxUlps <= 1 && (dora || share <= 0.001);
  const { maxError } = difference(valuesOf(ours), valuesOf(theirs), 1, 1);
  return fine
    ? pass(maxError)
    : failed(`merged ${name}: ${(100 * share).toFixed(2)} % differ, by up to ${maxUlps} ulps`, maxError);
};

/** A merge in memory through the same plan and run as on disk. */
export const mergeInMemory = async (
  c: GoldenCase,
  leaf: Leaf,
): Promise<{ readonly merged: Checkpoint; readonly spec: ModelSpec } | undefined> => {
  if (!isMergeable(leaf)) return undefined;
  const plan = orThrow(planMerge(c.base, leaf, c.spec));
  const { writer, files } = memoryWriter();
  orThrow(await runMerge(plan, c.base, leaf, writer));
  return { merged: orThrow(checkpointOf(files.get('model.safetensors') as Uint8Array)), spec: plan.spec };
};

/**
 * Merged weights: what PEFT changes is equal, everything else is untouched. LN tuning leaves saved modules in their wrapper
 * when it merges, so their names there are the wrapper's.
 */
export const checkMerged = async (c: GoldenCase, leaf: Leaf): Promise<Check> => {
  const result = await mergeInMemory(c, leaf);
  if (result === undefined)
    return c.mergeError === undefined
      ? failed(`refused to merge: ${leaf.reasons.join('. ')}`)
      : notApplicable('neither PEFT nor Weft merges it');
  if (c.mergeError !== undefined) return failed(`merged where PEFT says: ${c.mergeError}`);
  const tensors = orThrow(await readAll(result.merged));
  const base = orThrow(await readAll(c.base));
  const rounding = { half: c.family === 'half', dora: c.id.endsWith('-dora'), decomposed: decomposed(leaf) };
  const stored = (key: string): string => fileKeyOf(result.spec, ownerOf(result.spec, key));
  const expected = [...c.expected].flatMap(([k, v]) =>
    k.startsWith('merged.') && !k.includes('.original_module.')
      ? [[k.slice('merged.'.length).replace('.modules_to_save.default', ''), v] as const]
      : [],
  );
  const named = new Set(expected.map(([key]) => stored(key)));
  return worstOf([
    ...expected.map(([key, theirs]) => {
      const ours = tensors.get(stored(key));
      return ours === undefined ? failed(`merged ${key}: missing`) : compareMerged(key, rounding, ours, theirs);
    }),
    ...[...tensors]
      .filter(([name]) => !named.has(name))
      .map(([name, t]) => {
        // a parameter that the merge unties starts as a copy of its owner
        const before = base.get(name) ?? base.get(fileKeyOf(c.spec, ownerOf(c.spec, name)));
        return before !== undefined && sameBytes(t.bytes, before.bytes)
          ? pass()
          : failed(`${name} changed and should not`);
      }),
  ]);
};

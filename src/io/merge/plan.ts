/**
 * What a merge will do to a checkpoint, as data: nothing is read or written yet.
 */
import { E } from '../../fp.js';
import type { Adapter, Mergeable } from '../../adapters/adapter.js';
import { adaptedKeys, readKeys, sourceOf, specAfter, touchedKeys } from '../../adapters/compile.js';
import { fileKeyOf, ownerOf, type ModelSpec } from '../../models/spec.js';
import { isComputable } from '../../ops/dtype.js';
import { all, orProblems, problem, type Problem, type Result } from '../../problem.js';
import type { Checkpoint, CheckpointFile, StoredTensor } from '../checkpoint.js';
import { headerBytes } from '../safetensors/write.js';

/** One tensor of the output. */
export interface TensorPlan {
  /** Its name in the output file. */
  readonly name: string;
  /** The tensor of the base checkpoint that it starts from. */
  readonly source: string;
  /** Its parameter key when the adapter changes it; bytes are copied otherwise. */
  readonly key: string | undefined;
  readonly stored: StoredTensor;
  /** Other tensors of the base that its change reads: parameter key and name in the base's files. */
  readonly reads: ReadonlyArray<readonly [key: string, source: string]>;
}

/** One file of the output. */
export interface FilePlan {
  readonly name: string;
  /** The file's first bytes. */
  readonly head: Uint8Array;
  /** Tensors in the order of their bytes. */
  readonly tensors: ReadonlyArray<TensorPlan>;
  /** Equal to the base's file of the same name, byte for byte. */
  readonly same: boolean;
}

/** A merge as data. */
export interface MergePlan {
  readonly files: ReadonlyArray<FilePlan>;
  /** The adapted model's tree; its config differs from the base's when layers are replicated or ties are cut. */
  readonly spec: ModelSpec;
  /** Tensors that change. */
  readonly changed: ReadonlyArray<string>;
  /** Bytes of all tensors, and of those that change. */
  readonly totalBytes: number;
  readonly changedBytes: number;
}

const keyByName = (spec: ModelSpec): ReadonlyMap<string, string> =>
  new Map(Object.entries(spec.fileKeys).map(([key, name]) => [name, key]));

/** Names in the output with the base tensor each starts from, in the order of the base. */
const renamed = (checkpoint: Checkpoint, adapter: Adapter, base: ModelSpec, after: ModelSpec) => {
  const keys = keyByName(base);
  const logical = [...checkpoint.tensors.keys()].map((name) => keys.get(name) ?? name);
  return adaptedKeys(adapter, logical).map((key) => ({
    key,
    name: fileKeyOf(after, key),
    source: fileKeyOf(base, sourceOf(adapter, key) as string),
  }));
};

/** Tensors that changes read and that are not there, or not in a type that can be computed with. */
const readProblems = (checkpoint: Checkpoint, plans: ReadonlyArray<TensorPlan>): ReadonlyArray<Problem> =>
  [...new Set(plans.flatMap((p) => p.reads.map(([, source]) => source)))].flatMap((source) => {
    const dtype = checkpoint.tensors.get(source)?.dtype;
    return dtype !== undefined && isComputable(dtype)
      ? []
      : [problem(`checkpoint: ${source}`, 'a tensor of numbers that the adapter reads', dtype ?? 'no such tensor')];
  });

const touchProblems = (plans: ReadonlyArray<TensorPlan>, touched: ReadonlySet<string>): ReadonlyArray<Problem> => {
  const found = new Set(plans.flatMap((p) => p.key ?? []));
  const names = plans.map((p) => p.name);
  return [
    ...[...new Set(names.filter((name, i) => names.indexOf(name) !== i))].map((name) =>
      problem(`merged: ${name}`, 'one tensor of this name', 'several'),
    ),
    ...(touched.size === 0
      ? [problem('adapter', 'an adapter that changes at least one tensor', 'none that it would change')]
      : []),
    ...[...touched]
      .filter((key) => !found.has(key))
      .map((key) =>
        problem(
          `checkpoint: ${key}`,
          'a tensor that the adapter changes',
          'no such tensor',
          'Is this the base model of the adapter?',
        ),
      ),
    ...plans
      .filter((p) => p.key !== undefined && !isComputable(p.stored.dtype))
      .map((p) =>
        problem(
          `checkpoint: ${p.source}`,
          'a floating point type that Weft computes with',
          p.stored.dtype,
          'Quantised bases have to be converted to bf16 or f32 first.',
        ),
      ),
  ];
};

const filePlan = (
  checkpoint: Checkpoint,
  file: CheckpointFile,
  tensors: ReadonlyArray<TensorPlan>,
): Result<FilePlan> => {
  const names = [...file.header.tensors.keys()];
  const unmoved = names.length === tensors.length && tensors.every((t, i) => t.name === names[i]);
  const same = unmoved && tensors.every((t) => t.key === undefined && t.source === t.name);
  if (unmoved) return E.right({ name: file.name, head: file.headerBytes, tensors, same });
  const byName = new Map(tensors.map((t) => [t.name, t]));
  return E.map(({ bytes, header }: { bytes: Uint8Array; header: { tensors: ReadonlyMap<string, unknown> } }) => ({
    name: file.name,
    head: bytes,
    tensors: [...header.tensors.keys()].map((name) => byName.get(name) as TensorPlan),
    same: false,
  }))(headerBytes(new Map(tensors.map((t) => [t.name, t.stored])), file.header.metadata, checkpoint.name));
};

/**
 * Plans the merge of an adapter into a checkpoint.
 *
 * Tensors stay in their files; a tensor that the adapter adds to the tree goes into the file of the one that it starts from.
 * Errors: an adapter that changes nothing here, tensors that are missing, dtypes that cannot be computed with.
 *
 * @param base the module tree of the checkpoint
 */
export const planMerge = (checkpoint: Checkpoint, adapter: Adapter<Mergeable>, base: ModelSpec): Result<MergePlan> => {
  const spec = specAfter(adapter, base);
  const touched = touchedKeys(adapter);
  const plans = renamed(checkpoint, adapter, base, spec).map(({ key, name, source }): TensorPlan => ({
    name,
    source,
    key: touched.has(key) ? key : undefined,
    stored: checkpoint.tensors.get(source) as StoredTensor,
    reads: touched.has(key) ? readKeys(adapter, key).map((k) => [k, fileKeyOf(base, ownerOf(base, k))] as const) : [],
  }));
  const problems = [...touchProblems(plans, touched), ...readProblems(checkpoint, plans)];
  const files = all(
    [...checkpoint.files.values()].map((file) =>
      filePlan(
        checkpoint,
        file,
        plans.filter((p) => p.stored.file === file.name),
      ),
    ),
  );
  const bytes = (ps: ReadonlyArray<TensorPlan>): number => ps.reduce((n, p) => n + p.stored.byteLength, 0);
  const changed = plans.filter((p) => p.key !== undefined);
  return E.chain((fs: ReadonlyArray<FilePlan>) =>
    orProblems(problems, () => ({
      files: fs,
      spec,
      changed: changed.map((p) => p.name),
      totalBytes: bytes(plans),
      changedBytes: bytes(changed),
    })),
  )(files);
};
